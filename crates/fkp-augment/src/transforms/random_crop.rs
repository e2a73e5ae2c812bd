//! Cropping at a random place.

use super::traits::{Geometric, SampleContext};
use crate::range::check_size;
use crate::{AugmentError, GeometricStep};
use fkp_core::{Affine, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Crops `width × height` pixels at a random place. A smaller image is put at a random place
/// in the crop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Width of the crop in pixels.
    pub width: usize,
    /// Height of the crop in pixels.
    pub height: usize,
}

impl Geometric for RandomCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let (width, height) = context.size();
        let mut offset = |side: usize, crop: usize| match crop <= side {
            true => -(rng.random_range(0..=side - crop) as f64),
            false => rng.random_range(0..=crop - side) as f64,
        };
        let map = Affine::translation(offset(width, self.width), offset(height, self.height));
        Some(GeometricStep::new(map, (self.width, self.height)))
    }
}
