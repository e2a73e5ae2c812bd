//! A pipeline: a validated recipe together with a schema, as a training loop uses it.

use crate::{AugmentError, Labels, Recipe, Recorder, Replay};
use fkp_core::warp::Sampling;
use fkp_core::{Augment, Rng, Sample, SampleError, Schema};
use std::cell::RefCell;

/// A validated [`Recipe`] together with the schema that defines which keypoints a mirror exchanges.
///
/// It is immutable, so one pipeline serves all threads.
#[derive(Debug, Clone)]
pub struct Pipeline {
    recipe: Recipe,
    schema: Schema,
}

impl Recipe {
    /// Validates the recipe and combines it with a schema, whose flip pairs a mirror exchanges.
    ///
    /// # Errors
    /// As [`Recipe::validate`], and if the recipe may mirror an image while the schema's flip pairs
    /// are unknown: the labels of left and right would be exchanged.
    pub fn compile(&self, schema: &Schema) -> Result<Pipeline, AugmentError> {
        self.validate()?;
        if !schema.has_known_flip_pairs()
            && let Some(field) = self.mirroring_field()
        {
            let schema = schema.name().to_owned();
            return Err(AugmentError::UnknownFlipPairs { schema, field });
        }
        Ok(Pipeline {
            recipe: self.clone(),
            schema: schema.clone(),
        })
    }
}

impl Pipeline {
    /// Samples the parameters for an image of `size` = (width, height) without labels. Crops that
    /// depend on keypoints or a face box need [`Pipeline::sample_for`].
    ///
    /// # Panics
    /// If a side is zero.
    pub fn sample(&self, size: (usize, usize), rng: &mut dyn Rng) -> Replay {
        self.sample_for(size, Labels::default(), rng)
    }

    /// Samples the parameters for an image of `size` = (width, height) with these labels.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn sample_for(
        &self,
        size: (usize, usize),
        labels: Labels<'_>,
        rng: &mut dyn Rng,
    ) -> Replay {
        let mut replay = Replay::nothing(size, self.recipe.sampling());
        self.sample_into(&mut replay, size, labels, rng);
        replay
    }

    /// As [`Pipeline::sample_for`], in the memory of an earlier record.
    fn sample_into(
        &self,
        replay: &mut Replay,
        size: (usize, usize),
        labels: Labels<'_>,
        rng: &mut dyn Rng,
    ) {
        assert!(size.0 > 0 && size.1 > 0, "an empty image");
        replay.restart(size, self.recipe.sampling());
        self.recipe.sample(&mut Recorder::new(replay, labels), rng);
    }
}

/// Each thread keeps its buffers from one sample to the next and swaps them with the sample's own:
/// from the second sample of a shape on, nothing is allocated, except by custom transforms.
///
/// ```
/// use fkp_augment::Recipe;
/// use fkp_core::{Augment, Image, InputSpec, Keypoints, Purpose, Sample, Schema, rng_for};
/// let augment = Recipe::tutorial().compile(&Schema::kaggle15())?;
/// let sample = Sample::new("face", Image::filled(96, 96, 1, 51), Keypoints::unlabeled(15));
/// let augmented = augment.apply(sample, &mut rng_for(7, Purpose::Augment, 0, 4))?;
/// let input = InputSpec::gray(96);
/// let mut values = vec![0.0; input.len()];
/// input.fill(&augmented.image, &mut values);
/// assert!((values[0] - 0.2).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Augment for Pipeline {
    /// # Errors
    /// If the sample has another number of keypoints than the schema, whatever the sampled
    /// parameters.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        thread_local! {
            static RECORD: RefCell<Replay> =
                RefCell::new(Replay::nothing((1, 1), Sampling::default()));
        }
        sample.check_count(&self.schema)?;
        RECORD.with_borrow_mut(|replay| {
            let labels = Labels::from(&sample);
            self.sample_into(replay, sample.image.size(), labels, rng);
            replay.apply(sample, &self.schema)
        })
    }
}
