//! Hue and saturation.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::pixels::{Canvas, for_rgb};
use crate::{AugmentError, Range};
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Rotates the hue and scales the saturation (HSV). Gray images stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HueSaturation {
    /// Angle on the color circle in degrees; within [−180, 180].
    pub hue_deg: Range,
    /// Factor on the saturation; within [0, 10].
    pub saturation: Range,
}

/// The sampled parameters of [`HueSaturation`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HueSaturationStep {
    /// Angle on the color circle in degrees.
    pub hue_deg: f64,
    /// Factor on the saturation.
    pub saturation: f64,
}

impl Photometric for HueSaturation {
    type Step = HueSaturationStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.hue_deg.check("hue_deg", -180.0, 180.0)?;
        self.saturation.check("saturation", 0.0, 10.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> HueSaturationStep {
        HueSaturationStep {
            hue_deg: self.hue_deg.sample(rng),
            saturation: self.saturation.sample(rng),
        }
    }
}

impl PixelStep for HueSaturationStep {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        // A color of this hue is its value minus a multiple of its chroma in each channel, so no
        // angle is computed per pixel.
        let turn = (self.hue_deg / 60.0) as f32;
        let saturation = self.saturation as f32;
        for_rgb(canvas, |[r, g, b]| {
            let value = r.max(g).max(b);
            let chroma = value - r.min(g).min(b);
            if chroma <= 0.0 || value <= 0.0 {
                return [r, g, b];
            }
            // The hue in units of 60°.
            let hue = if value == r {
                (g - b) / chroma
            } else if value == g {
                2.0 + (b - r) / chroma
            } else {
                4.0 + (r - g) / chroma
            };
            let hue = (hue + turn).rem_euclid(6.0);
            let chroma = (chroma * saturation).min(value);
            // Smith 1978, in the closed form for the three channels.
            let channel = |n: f32| {
                let k = (n + hue) % 6.0;
                value - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
            };
            [channel(5.0), channel(3.0), channel(1.0)]
        });
    }
}
