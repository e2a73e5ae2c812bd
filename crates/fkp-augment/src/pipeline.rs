//! A checked recipe bound to a schema: what a training loop holds.

use crate::transform::Scene;
use crate::{AugmentError, Recipe, Replay, Subject};
use fkp_core::warp::Sampling;
use fkp_core::{Augment, Rng, Sample, SampleError, Schema};
use std::cell::RefCell;

/// A validated [`Recipe`] together with the schema that says which keypoints a mirror exchanges.
///
/// Holds no state that changes: one pipeline serves all threads.
#[derive(Debug, Clone)]
pub struct Pipeline {
    recipe: Recipe,
    schema: Schema,
}

impl Pipeline {
    /// Checks the recipe and binds it to a schema.
    ///
    /// # Errors
    /// Names the first field that is out of its range or not finite, or that mirrors images while
    /// the schema's flip pairs are unknown.
    pub fn new(recipe: &Recipe, schema: &Schema) -> Result<Self, AugmentError> {
        recipe.validate()?;
        if !schema.has_known_flip_pairs()
            && let Some(field) = recipe.mirroring_field()
        {
            let schema = schema.name().to_owned();
            return Err(AugmentError::UnknownFlipPairs { schema, field });
        }
        Ok(Self {
            recipe: recipe.clone(),
            schema: schema.clone(),
        })
    }

    /// Draws what is to be done to an image of `size` = (width, height), without doing it. Crops
    /// that look at keypoints or a face find none: for those, [`Pipeline::sample_for`].
    ///
    /// # Panics
    /// If a side is zero.
    pub fn sample(&self, size: (usize, usize), rng: &mut dyn Rng) -> Replay {
        self.sample_for(size, Subject::default(), rng)
    }

    /// Draws what is to be done to an image of `size` with this on it.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn sample_for(
        &self,
        size: (usize, usize),
        subject: Subject<'_>,
        rng: &mut dyn Rng,
    ) -> Replay {
        let mut replay = Replay::nothing(size, self.recipe.sampling());
        self.sample_into(&mut replay, size, subject, rng);
        replay
    }

    /// As [`Pipeline::sample_for`], in the memory of an earlier record.
    fn sample_into(
        &self,
        replay: &mut Replay,
        size: (usize, usize),
        subject: Subject<'_>,
        rng: &mut dyn Rng,
    ) {
        assert!(size.0 > 0 && size.1 > 0, "an empty image");
        replay.steps.clear();
        (replay.source, replay.size) = (size, size);
        replay.sampling = self.recipe.sampling();
        self.recipe.sample(&mut Scene { replay, subject }, rng);
    }
}

/// Each thread keeps its memory from one sample to the next and swaps it with the sample's own, so
/// that a sample whose shape was seen before costs no allocation, whatever the recipe.
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
    /// If the sample has another number of keypoints than the schema, whatever is drawn.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        thread_local! {
            static RECORD: RefCell<Replay> =
                RefCell::new(Replay::nothing((1, 1), Sampling::default()));
        }
        sample.check_count(&self.schema)?;
        RECORD.with_borrow_mut(|replay| {
            let subject = Subject::from(&sample);
            self.sample_into(replay, sample.image.size(), subject, rng);
            replay.apply(sample, &self.schema)
        })
    }
}
