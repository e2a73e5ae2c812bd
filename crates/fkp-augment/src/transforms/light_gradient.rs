//! Uneven light.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, Factor, multiply_along};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Light that falls off in a random direction: a factor from `1 − strength` to `1 + strength`
/// across the image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LightGradient {
    /// Change at the far ends; within [0, 1].
    pub strength: Range,
}

/// The sampled parameters of [`LightGradient`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LightGradientStep {
    /// Direction toward the light, counter-clockwise from the right, in degrees.
    pub angle_deg: f64,
    /// Change at the far ends.
    pub strength: f64,
}

impl Photometric for LightGradient {
    type Step = LightGradientStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.strength.check("strength", 0.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> LightGradientStep {
        LightGradientStep {
            strength: self.strength.sample(rng),
            angle_deg: rng.random_range(0.0..=360.0),
        }
    }
}

impl PixelStep for LightGradientStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let (width, height) = (canvas.width as f64, canvas.height as f64);
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let half = (width * cos.abs() + height * sin.abs()) / 2.0;
        let center = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
        let strength = self.strength as f32;
        let factor = Linear { strength };
        multiply_along(canvas, center, self.angle_deg, 1.0 / half, factor);
    }
}

/// A linear function with the value 1 at 0.
struct Linear {
    strength: f32,
}

impl Factor for Linear {
    #[inline(always)]
    fn at(&self, t: f32) -> f32 {
        1.0 + self.strength * t
    }
}
