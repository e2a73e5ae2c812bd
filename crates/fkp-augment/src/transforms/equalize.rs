//! Histogram equalization.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, cumulate, histogram, remap};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Histogram equalization. In color images the luma is equalized, and its change is added to each
/// channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equalize {}

/// The parameters are fixed, so the sampled ones are the same.
pub type EqualizeStep = Equalize;

impl Photometric for Equalize {
    type Step = Equalize;

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> Equalize {
        *self
    }
}

impl PixelStep for Equalize {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let whole = (0, canvas.width);
        let (mut histogram, count) = histogram(canvas, whole, (0, canvas.height));
        cumulate(&mut histogram, count);
        let (width, table) = (canvas.width, histogram);
        remap(canvas, width, |_, _, level| table[level]);
    }
}
