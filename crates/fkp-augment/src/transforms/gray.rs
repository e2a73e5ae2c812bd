//! Conversion to gray.

use super::SampleContext;
use super::traits::{Photometric, PixelStep};
use crate::AugmentError;
use crate::pixels::Canvas;
use crate::pixels::{for_rgb, luma};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Replaces every color by its Rec. 601 gray; the number of channels and alpha stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gray {}

/// The sampled parameters of [`Gray`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrayStep {}

impl Photometric for Gray {
    type Step = GrayStep;

    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> GrayStep {
        GrayStep {}
    }
}

impl PixelStep for GrayStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        for_rgb(canvas, |rgb| [luma(rgb); 3]);
    }
}
