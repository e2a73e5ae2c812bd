//! Conversion to gray.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, for_rgb, luma};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Replaces every color by its Rec. 601 gray; the number of channels and alpha stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gray {}

/// The parameters are fixed, so the sampled ones are the same.
pub type GrayStep = Gray;

impl Photometric for Gray {
    type Step = Gray;

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> Gray {
        *self
    }
}

impl PixelStep for Gray {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        for_rgb(canvas, |rgb| [luma(rgb); 3]);
    }
}
