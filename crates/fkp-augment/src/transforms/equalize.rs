//! Histogram equalization.

use super::SampleContext;
use super::traits::{Photometric, PixelStep};
use crate::AugmentError;
use crate::pixels::Canvas;
use crate::pixels::{cumulate, histogram, remap};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Histogram equalization. In color images the luma is equalized, and its change is added to each
/// channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equalize {}

/// The sampled parameters of [`Equalize`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EqualizeStep {}

impl Photometric for Equalize {
    type Step = EqualizeStep;

    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> EqualizeStep {
        EqualizeStep {}
    }
}

impl PixelStep for EqualizeStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let whole = (0, canvas.width);
        let (mut histogram, count) = histogram(canvas, whole, (0, canvas.height));
        cumulate(&mut histogram, count);
        let (width, table) = (canvas.width, histogram);
        remap(canvas, width, |_, _, level| table[level]);
    }
}
