//! The trait that augmentations implement.

use crate::{Rng, Sample, SampleError};

/// An augmentation of samples.
///
/// The result depends on nothing but the sample and the state of the generator. The number and the
/// order of the keypoints never change: a keypoint that leaves the image or is covered changes its
/// visibility only. The size of the image changes only as the implementation documents.
pub trait Augment: Send + Sync {
    /// Augments a sample with parameters sampled from the generator.
    ///
    /// # Errors
    /// If the keypoints do not match the augmentation's schema, whatever the generator's state.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError>;
}

/// No augmentation: returns every sample unchanged, for validation.
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
