//! Another data set's samples cut to square crops.

use crate::DataError;
use fkp_core::{
    BoxJitter, CropError, CropRule, CropSquare, Dataset, DatasetError, InputSpec, Purpose, Sample,
    Schema, rng_for,
};

/// By what a crop is framed. Training frames by the labels; what a user of the model will get is
/// told by the other two.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Boxes {
    /// The labeled keypoints, or the sample's box where there are none.
    #[default]
    Labels,
    /// The box that comes with each sample, such as a detector's.
    Given,
    /// The labels' square, off by random shifts and scales as a detector's box would be. The
    /// same sample is off by the same amount every time.
    Jittered {
        /// How far it is off at most.
        jitter: BoxJitter,
        /// Seed of the errors.
        seed: u64,
    },
}

/// A data set of crops as a network sees them: cut by a [`CropRule`], in the size and channels of
/// an [`InputSpec`], the keypoints moved along.
#[derive(Debug, Clone)]
pub struct Cropped<D> {
    inner: D,
    rule: CropRule,
    input: InputSpec,
    boxes: Boxes,
}

impl<D: Dataset> Cropped<D> {
    /// The samples of `inner`, cut by their labels.
    ///
    /// # Panics
    /// If the input's size is zero.
    pub fn new(inner: D, rule: CropRule, input: InputSpec) -> Self {
        assert!(input.size > 0, "a crop has at least one pixel");
        Self {
            inner,
            rule,
            input,
            boxes: Boxes::Labels,
        }
    }

    /// The same samples, framed by other boxes.
    pub fn with_boxes(self, boxes: Boxes) -> Self {
        Self { boxes, ..self }
    }

    /// The rule that the crops are cut by.
    pub fn rule(&self) -> &CropRule {
        &self.rule
    }

    /// The size and the channels of each crop.
    pub fn input(&self) -> &InputSpec {
        &self.input
    }

    /// The square that is cut out of a sample.
    ///
    /// # Errors
    /// If there are neither enough keypoints nor a box to compute the crop from.
    pub fn square(&self, index: usize, sample: &Sample) -> Result<CropSquare, CropError> {
        let by_labels = || {
            let face_box = sample.face_box.as_ref();
            self.rule.square(&sample.image, &sample.keypoints, face_box)
        };
        match &self.boxes {
            Boxes::Labels => by_labels(),
            Boxes::Given => match &sample.face_box {
                Some(face_box) => self.rule.square_of(face_box),
                None => Err(CropError::NoKeypointsOrBox),
            },
            Boxes::Jittered { jitter, seed } => {
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
        let sample = self.inner.get(index)?;
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
    fn size_and_channels_are_as_asked() {
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
    fn a_face_that_cannot_be_framed_is_named() {
        let rule = CropRule::for_schema(&Schema::kaggle15());
        let cropped = Cropped::new(set(Keypoints::unlabeled(15)), rule, InputSpec::gray(96));
        let error = cropped.get(0).unwrap_err();
        assert!(error.source().unwrap().to_string().contains("a.jpg"));
    }

    #[test]
    fn crops_are_framed_by_given_boxes_or_off_the_labels_by_a_fixed_jitter() {
        let schema = Schema::kaggle15();
        let rule = CropRule::for_schema(&schema);
        let place = |i: usize| {
            let [u, v] = schema.mean_shape()[i];
            Keypoint::new((u * 20.0) as f32, (v * 20.0) as f32)
        };
        let mut sample = set((0..15).map(place).collect()).get(0).unwrap();
        let input = InputSpec::gray(96);
        let empty = InMemory::new(schema.clone(), Vec::new()).unwrap();
        let cropped = |boxes| Cropped::new(&empty, rule.clone(), input).with_boxes(boxes);
        let labels = cropped(Boxes::Labels).square(0, &sample).unwrap();
        assert!((labels.side - 20.0).abs() < 1e-4, "{labels:?}");

        assert!(cropped(Boxes::Given).square(0, &sample).is_err());
        let bounds = BoundingBox::from_image_edges(2.0, 1.0, 9.0, 11.8);
        sample.face_box = Some(FaceBox::face(bounds));
        let given = cropped(Boxes::Given).square(0, &sample).unwrap();
        assert!((given.side - 10.0).abs() < 1e-9, "{given:?}");

        let jittered = |seed, index| {
            let jitter = BoxJitter::default();
            let set = cropped(Boxes::Jittered { jitter, seed });
            set.square(index, &sample).unwrap()
        };
        assert_eq!(jittered(1, 5), jittered(1, 5));
        assert_ne!(jittered(1, 5), jittered(1, 6));
        assert_ne!(jittered(1, 5), jittered(2, 5));
        assert!((jittered(1, 5).side / 20.0 - 1.0).abs() <= 0.1 + 1e-4);
    }
}
