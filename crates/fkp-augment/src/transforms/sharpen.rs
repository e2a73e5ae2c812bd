//! Sharpening.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, gaussian_blur};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Unsharp mask: `v + amount·(v − blurred v)`, blurred by a Gaussian of 1 px.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sharpen {
    /// Factor on the difference; within [0, 10].
    pub amount: Range,
}

/// The sampled parameters of [`Sharpen`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharpenStep {
    /// Factor on the difference.
    pub amount: f64,
}

impl Photometric for Sharpen {
    type Step = SharpenStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.amount.check("amount", 0.0, 10.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> SharpenStep {
        SharpenStep {
            amount: self.amount.sample(rng),
        }
    }
}

impl PixelStep for SharpenStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        gaussian_blur(canvas, 1.0);
        let amount = self.amount as f32;
        for (value, blurred) in canvas.data.iter_mut().zip(canvas.floats.iter()) {
            let v = value.to_f32();
            *value = T::from_f32((v + amount * (v - blurred)).clamp(0.0, T::WHITE));
        }
    }
}
