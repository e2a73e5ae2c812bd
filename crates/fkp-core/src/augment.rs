//! The seam between a data set and whatever augments its samples.

use crate::{Rng, Sample, SampleError};

/// Augments samples.
///
/// Same sample and same generator state, same result. The number and the order of the keypoints
/// never change: a keypoint that leaves the image or is covered changes its visibility only.
/// The image's size may change only in the way the implementation documents.
pub trait Augment: Send + Sync {
    /// The augmented sample that the generator's state selects.
    ///
    /// # Errors
    /// If the sample does not fit the augmentation, whatever the generator's state.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError>;
}

/// Leaves every sample as it is: what validation uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAugment;

impl Augment for NoAugment {
    fn apply(&self, sample: Sample, _rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        Ok(sample)
    }
}

impl<A: Augment + ?Sized> Augment for &A {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        (**self).apply(sample, rng)
    }
}

impl<A: Augment + ?Sized> Augment for Box<A> {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        (**self).apply(sample, rng)
    }
}
