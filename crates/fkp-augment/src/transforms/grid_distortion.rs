//! Random widths of the columns and rows of a grid.

use super::traits::{Geometric, SampleContext, sample_seed};
use crate::geometry::MAX_CELLS;
use crate::range::check_integer;
use crate::{AugmentError, Distortion, DistortionKind, GeometricStep, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Makes the columns and rows of a grid wider and narrower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridDistortion {
    /// Number of columns and of rows, 1 to 16.
    pub cells: usize,
    /// Largest relative change of a column's width; 0 to 0.9.
    pub magnitude: Range,
}

impl Geometric for GridDistortion {
    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("cells", self.cells, 1, MAX_CELLS)?;
        let limit = DistortionKind::Grid.max_magnitude();
        self.magnitude.check("magnitude", 0.0, limit)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let (size, magnitude) = (context.size(), self.magnitude.sample(rng));
        let seed = sample_seed(rng);
        match Distortion::new(DistortionKind::Grid, self.cells, magnitude, seed, size) {
            Ok(map) => Some(GeometricStep::new(map, size)),
            Err(error) => unreachable!("the recipe was checked: {error}"),
        }
    }
}
