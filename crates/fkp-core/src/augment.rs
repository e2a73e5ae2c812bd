//! The seam between a data set and whatever varies its samples.

use crate::{Rng, Sample};

/// Turns a sample into a variation of it.
///
/// Same sample and same generator state, same result. The number and the order of the keypoints
/// never change: a point that leaves the picture or is covered changes its visibility only.
/// The picture's size may change only in the way the implementation documents.
pub trait Augment: Send + Sync {
    /// The variation that the generator's state selects.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Sample;
}

/// Leaves every sample as it is: what validation uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAugment;

impl Augment for NoAugment {
    fn apply(&self, sample: Sample, _rng: &mut dyn Rng) -> Sample {
        sample
    }
}

impl<A: Augment + ?Sized> Augment for &A {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Sample {
        (**self).apply(sample, rng)
    }
}

impl<A: Augment + ?Sized> Augment for Box<A> {
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Sample {
        (**self).apply(sample, rng)
    }
}
