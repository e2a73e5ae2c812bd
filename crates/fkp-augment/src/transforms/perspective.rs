//! A random perspective.

use super::traits::{Geometric, SampleContext};
use crate::range::check_number;
use crate::{AugmentError, GeometricStep, Projective};
use fkp_core::Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Moves each corner of the image independently: a random perspective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Perspective {
    /// Each coordinate of a corner moves uniformly within ± this fraction of the side;
    /// 0 to 0.2.
    pub magnitude: f64,
}

impl Geometric for Perspective {
    fn validate(&self) -> Result<(), AugmentError> {
        check_number("magnitude", self.magnitude, 0.0, 0.2)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let size = context.size();
        let (width, height) = (size.0 as f64, size.1 as f64);
        let (right, bottom) = (width - 0.5, height - 0.5);
        let src = [(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)];
        let mut shift = || rng.random_range(-self.magnitude..=self.magnitude);
        let dst = src.map(|(x, y)| (x + shift() * width, y + shift() * height));
        match Projective::from_corners(src, dst) {
            Ok(map) => Some(GeometricStep::new(map, size)),
            Err(error) => unreachable!("corners within 0.2 of the sides are convex: {error}"),
        }
    }
}
