//! Smooth random distortion.

use super::traits::{Geometric, SampleContext, sample_seed};
use crate::geometry::MAX_CELLS;
use crate::range::check_integer;
use crate::{AugmentError, Distortion, DistortionKind, GeometricStep, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Smooth random distortion (uniform cubic B-spline).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elastic {
    /// Number of cells of control points along each axis, 1 to 16: more is finer.
    pub cells: usize,
    /// Largest displacement of a control point in cells; 0 to 0.2, so that the image never
    /// folds.
    pub magnitude: Range,
}

impl Geometric for Elastic {
    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("cells", self.cells, 1, MAX_CELLS)?;
        let limit = DistortionKind::Elastic.max_magnitude();
        self.magnitude.check("magnitude", 0.0, limit)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let (size, magnitude) = (context.size(), self.magnitude.sample(rng));
        let seed = sample_seed(rng);
        match Distortion::new(DistortionKind::Elastic, self.cells, magnitude, seed, size) {
            Ok(map) => Some(GeometricStep::new(map, size)),
            Err(error) => unreachable!("the recipe was checked: {error}"),
        }
    }
}
