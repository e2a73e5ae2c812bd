//! Gaussian blur.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, gaussian_blur};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Gaussian blur with a mirrored border.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlur {
    /// Standard deviation in pixels; within [0, 50]. Below 0.05 nothing changes.
    pub sigma_px: Range,
}

/// The sampled parameters of [`GaussianBlur`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianBlurStep {
    /// Standard deviation in pixels.
    pub sigma_px: f64,
}

impl Photometric for GaussianBlur {
    type Step = GaussianBlurStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.sigma_px.check("sigma_px", 0.0, 50.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> GaussianBlurStep {
        GaussianBlurStep {
            sigma_px: self.sigma_px.sample(rng),
        }
    }
}

impl PixelStep for GaussianBlurStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        if self.sigma_px >= 0.05 {
            gaussian_blur(canvas, self.sigma_px);
            canvas.set_from_floats();
        }
    }
}
