//! A data set cropped to the square input of a network.

use crate::DataError;
use fkp_core::{
    BoxJitter, CropError, CropRule, CropSquare, Dataset, DatasetError, InputSpec, Purpose, Sample,
    Schema, rng_for,
};

/// The box that determines each crop. Training uses the labels; the other two show the accuracy
/// that a user of the model gets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum BoxSource {
    /// The labeled keypoints, or the sample's box where there are none.
    #[default]
    Labels,
    /// The box that comes with each sample, such as a detector's.
    Given,
    /// The square of the labels, randomly shifted and scaled like the box of a face detector. The
    /// same sample always has the same jitter.
    Jittered {
        /// Limits of the shift and the scale.
        jitter: BoxJitter,
        /// Seed of the jitter.
        seed: u64,
    },
}

/// A data set of crops as a network takes them: cropped by a [`CropRule`] and resized to the size
/// and channels of an [`InputSpec`], images and keypoints alike.
#[derive(Debug, Clone)]
pub struct Cropped<D> {
    inner: D,
    rule: CropRule,
    input: InputSpec,
    box_source: BoxSource,
}

impl<D: Dataset> Cropped<D> {
    /// The samples of `inner`, cropped around their labels.
    ///
    /// # Panics
    /// If the input's size is zero.
    pub fn new(inner: D, rule: CropRule, input: InputSpec) -> Self {
        assert!(input.size > 0, "a crop has at least one pixel");
        Self {
            inner,
            rule,
            input,
            box_source: BoxSource::Labels,
        }
    }

    /// The same samples, cropped by another box.
    pub fn with_box_source(self, box_source: BoxSource) -> Self {
        Self { box_source, ..self }
    }

    /// The crop rule.
    pub fn rule(&self) -> &CropRule {
        &self.rule
    }

    /// The size and the channels of each crop.
    pub fn input(&self) -> &InputSpec {
        &self.input
    }

    /// The square of the crop of a sample.
    ///
    /// # Errors
    /// If the sample has neither labels nor the box that the crop needs.
    pub fn square(&self, index: usize, sample: &Sample) -> Result<CropSquare, CropError> {
        let by_labels = || {
            let face_box = sample.face_box.as_ref();
            self.rule.square(&sample.image, &sample.keypoints, face_box)
        };
        match &self.box_source {
            BoxSource::Labels => by_labels(),
            BoxSource::Given => match &sample.face_box {
                Some(face_box) => self.rule.square_of(face_box),
                None => Err(CropError::NoKeypointsOrBox),
            },
            BoxSource::Jittered { jitter, seed } => {
                let mut rng = rng_for(*seed, Purpose::BoxJitter, 0, index as u64);
                Ok(jitter.apply(&by_labels()?, &mut rng))
            }
        }
    }
}

impl<D: Dataset> Dataset for Cropped<D> {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.inner.get_in_epoch(epoch, index)?;
        let id = sample.id.clone();
        let square = self.square(index, &sample);
        let crop = square.and_then(|square| square.apply(sample, &self.input));
        crop.map_err(|source| DatasetError::new(index, DataError::Crop { id, source }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{BoundingBox, FaceBox, Image, InMemory, Keypoint, Keypoints};
    use std::error::Error;

    fn set(keypoints: Keypoints) -> InMemory {
        let sample = Sample::new("a.jpg", Image::filled(40, 20, 3, 9), keypoints);
        InMemory::new(Schema::kaggle15(), vec![sample]).unwrap()
    }

    #[test]
    fn crops_have_the_size_and_channels_of_the_input() {
        let mut keypoints = Keypoints::unlabeled(15);
        keypoints[10] = Keypoint::new(19.5, 9.5);
        for channels in [1, 3] {
            let input = InputSpec {
                channels,
                ..InputSpec::gray(10)
            };
            let cropped = Cropped::new(set(keypoints.clone()), CropRule::Whole, input);
            let crop = cropped.get(0).unwrap();
            assert_eq!(
                (crop.image.size(), crop.image.channels()),
                ((10, 10), channels)
            );
            assert_eq!(crop.keypoints[10], Keypoint::new(4.5, 4.5));
        }
    }

    #[test]
    fn a_sample_that_cannot_be_cropped_is_named() {
        let rule = CropRule::for_schema(&Schema::kaggle15());
        let cropped = Cropped::new(set(Keypoints::unlabeled(15)), rule, InputSpec::gray(96));
        let error = cropped.get(0).unwrap_err();
        assert!(error.source().unwrap().to_string().contains("a.jpg"));
    }

    #[test]
    fn crops_follow_the_given_box_or_a_fixed_jitter_of_the_labels() {
        let schema = Schema::kaggle15();
        let rule = CropRule::for_schema(&schema);
        let place = |i: usize| {
            let [u, v] = schema.mean_shape()[i];
            Keypoint::new((u * 20.0) as f32, (v * 20.0) as f32)
        };
        let mut sample = set((0..15).map(place).collect()).get(0).unwrap();
        let input = InputSpec::gray(96);
        let empty = InMemory::new(schema.clone(), Vec::new()).unwrap();
        let cropped =
            |box_source| Cropped::new(&empty, rule.clone(), input).with_box_source(box_source);
        let labels = cropped(BoxSource::Labels).square(0, &sample).unwrap();
        assert!((labels.side - 20.0).abs() < 1e-4, "{labels:?}");

        assert!(cropped(BoxSource::Given).square(0, &sample).is_err());
        let bounds = BoundingBox::from_image_edges(2.0, 1.0, 9.0, 11.8);
        sample.face_box = Some(FaceBox::face(bounds));
        let given = cropped(BoxSource::Given).square(0, &sample).unwrap();
        assert!((given.side - 10.0).abs() < 1e-9, "{given:?}");

        let jittered = |seed, index| {
            let jitter = BoxJitter::default();
            let set = cropped(BoxSource::Jittered { jitter, seed });
            set.square(index, &sample).unwrap()
        };
        assert_eq!(jittered(1, 5), jittered(1, 5));
        assert_ne!(jittered(1, 5), jittered(1, 6));
        assert_ne!(jittered(1, 5), jittered(2, 5));
        assert!((jittered(1, 5).side / 20.0 - 1.0).abs() <= 0.1 + 1e-4);
    }
}
