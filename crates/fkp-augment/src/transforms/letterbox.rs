//! Resizing with the proportions kept.

use super::traits::{Geometric, SampleContext};
use crate::range::check_size;
use crate::{AugmentError, GeometricStep};
use fkp_core::{BoundingBox, Rng};
use serde::{Deserialize, Serialize};

/// Resizes the whole image to fit into `width × height`, centered, with its proportions kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letterbox {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
}

impl Geometric for Letterbox {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)
    }

    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let BoundingBox { width, height, .. } = context.bounds();
        let (w, h) = (self.width as f64, self.height as f64);
        let zoom = (w / width).min(h / height);
        let window = BoundingBox {
            x: (width - w / zoom) / 2.0 - 0.5,
            y: (height - h / zoom) / 2.0 - 0.5,
            width: w / zoom,
            height: h / zoom,
        };
        let size = (self.width, self.height);
        Some(GeometricStep::crop_resize(&window, size))
    }
}
