//! Cropping the middle of the image.

use super::traits::{Geometric, SampleContext};
use crate::range::check_size;
use crate::{AugmentError, GeometricStep};
use fkp_core::{Affine, Rng};
use serde::{Deserialize, Serialize};

/// Crops the `width × height` pixels in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterCrop {
    /// Width of the crop in pixels.
    pub width: usize,
    /// Height of the crop in pixels.
    pub height: usize,
}

impl Geometric for CenterCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)
    }

    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let (width, height) = context.size();
        let offset = |side: usize, crop: usize| -((side as f64 - crop as f64) / 2.0).floor();
        let map = Affine::translation(offset(width, self.width), offset(height, self.height));
        Some(GeometricStep::new(map, (self.width, self.height)))
    }
}
