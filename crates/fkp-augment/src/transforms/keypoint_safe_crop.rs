//! Cropping at random, with every labeled keypoint inside.

use super::traits::{Geometric, SampleContext};
use crate::range::{check_number, check_size};
use crate::{AugmentError, GeometricStep};
use fkp_core::{BoundingBox, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Crops a random window that contains every labeled keypoint and resizes it. The window has the
/// proportions of the result; its size is sampled between the smallest such window and the largest
/// in the image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeypointSafeCrop {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
    /// Margin around the keypoints as a fraction of their box's longer side; 0 to 10.
    pub margin: f64,
}

impl Geometric for KeypointSafeCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)?;
        check_number("margin", self.margin, 0.0, 10.0)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let size = (self.width, self.height);
        let aspect = size.0 as f64 / size.1 as f64;
        let window = safe_window(context, aspect, self.margin, rng);
        Some(GeometricStep::crop_resize(&window, size))
    }
}

/// A random window of these proportions (width over height) that contains the labeled keypoints.
fn safe_window(
    context: &SampleContext<'_>,
    aspect: f64,
    margin: f64,
    rng: &mut dyn Rng,
) -> BoundingBox {
    let BoundingBox { width, height, .. } = context.bounds();
    let largest = height.min(width / aspect);
    let Some(keypoints) = context.keypoints_box() else {
        // Rounding must not make the window larger than the image.
        let [w, h] = [(largest * aspect).min(width), largest];
        return BoundingBox {
            x: rng.random_range(0.0..=width - w) - 0.5,
            y: rng.random_range(0.0..=height - h) - 0.5,
            width: w,
            height: h,
        };
    };
    // At least one pixel more than the keypoints on every side, so that rounding cuts none off.
    let padding = margin * keypoints.longer_side() + 1.0;
    let needed = BoundingBox {
        x: keypoints.x - padding,
        y: keypoints.y - padding,
        width: keypoints.width + 2.0 * padding,
        height: keypoints.height + 2.0 * padding,
    };
    let smallest = needed.height.max(needed.width / aspect);
    // Where the keypoints need more than the image, the border is visible.
    let h = rng.random_range(smallest..=largest.max(smallest));
    let w = h * aspect;
    let mut start = |needed: f64, length: f64, window: f64, side: f64| {
        // The positions that keep the keypoints inside, and of these the ones inside the image.
        // By rounding, the window may be slightly smaller than what it must contain.
        let (low, high) = ((needed + length - window).min(needed), needed);
        let (inner_low, inner_high) = (low.max(-0.5), high.min(side - 0.5 - window));
        match inner_low <= inner_high {
            true => rng.random_range(inner_low..=inner_high),
            false => rng.random_range(low..=high),
        }
    };
    BoundingBox {
        x: start(needed.x, needed.width, w, width),
        y: start(needed.y, needed.height, h, height),
        width: w,
        height: h,
    }
}
