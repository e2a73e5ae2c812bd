//! Resizing.

use super::traits::{Geometric, SampleContext};
use crate::range::check_size;
use crate::{AugmentError, GeometricStep};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Resizes the whole image to `width × height`, outer edges onto outer edges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
}

impl Geometric for Resize {
    fn validate(&self) -> Result<(), AugmentError> {
        check_size(self.width, self.height)
    }

    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let size = (self.width, self.height);
        Some(GeometricStep::crop_resize(&context.bounds(), size))
    }
}
