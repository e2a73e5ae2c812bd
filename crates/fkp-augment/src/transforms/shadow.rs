//! A shadow.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, Factor, multiply_along};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Darkens the image on one side of a random line, with a soft edge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The fraction of the light that is removed; within [0, 1].
    pub strength: Range,
}

/// The sampled parameters of [`Shadow`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowStep {
    /// A point of the line, as a fraction of (width, height).
    pub through: (f64, f64),
    /// Direction into the shadow, counter-clockwise from the right, in degrees.
    pub angle_deg: f64,
    /// The fraction of the light that is removed.
    pub strength: f64,
    /// Width of the soft edge as a fraction of the image's diagonal.
    pub softness: f64,
}

impl Photometric for Shadow {
    type Step = ShadowStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.strength.check("strength", 0.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> ShadowStep {
        ShadowStep {
            strength: self.strength.sample(rng),
            through: (rng.random_range(0.2..=0.8), rng.random_range(0.2..=0.8)),
            angle_deg: rng.random_range(0.0..=360.0),
            softness: rng.random_range(0.02..=0.3),
        }
    }
}

impl PixelStep for ShadowStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let (width, height) = (canvas.width as f64, canvas.height as f64);
        let edge = (self.softness * width.hypot(height)).max(1e-3);
        let through = (self.through.0 * width - 0.5, self.through.1 * height - 0.5);
        let strength = self.strength as f32;
        let factor = SmoothStep { strength };
        multiply_along(canvas, through, self.angle_deg, 1.0 / edge, factor);
    }
}

/// A smooth step from 1 down to `1 − strength`, centered at 0.
struct SmoothStep {
    strength: f32,
}

impl Factor for SmoothStep {
    #[inline(always)]
    fn at(&self, t: f32) -> f32 {
        let t = (t + 0.5).clamp(0.0, 1.0);
        1.0 - self.strength * t * t * (3.0 - 2.0 * t)
    }
}
