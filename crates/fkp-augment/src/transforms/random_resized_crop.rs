//! Cropping a random area and resizing it.

use super::traits::{Geometric, SampleContext};
use crate::range::check_size;
use crate::{AugmentError, GeometricStep, Range};
use fkp_core::{BoundingBox, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Crops a window of random area, proportions and place and resizes it to `width × height`
/// (Inception crop).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
    /// The window's area as a fraction of the image's; within [0.0001, 1].
    pub area: Range,
    /// The window's width over its height, sampled uniformly in its logarithm; within
    /// [0.05, 20].
    pub aspect: Range,
}

impl Geometric for RandomResizedCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)?;
        self.area.check("area", 1e-4, 1.0)?;
        self.aspect.check("aspect", 0.05, 20.0)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let BoundingBox { width, height, .. } = context.bounds();
        let area = self.area.sample(rng) * width * height;
        let (low, high) = (self.aspect.low.ln(), self.aspect.high.ln());
        let aspect = rng.random_range(low..=high).exp();
        let window_w = (area * aspect).sqrt().min(width);
        let window_h = (area / aspect).sqrt().min(height);
        let window = BoundingBox {
            x: rng.random_range(0.0..=width - window_w) - 0.5,
            y: rng.random_range(0.0..=height - window_h) - 0.5,
            width: window_w,
            height: window_h,
        };
        let size = (self.width, self.height);
        Some(GeometricStep::crop_resize(&window, size))
    }
}
