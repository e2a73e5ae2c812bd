//! Adding pixels at the edges.

use super::traits::{Geometric, SampleContext};
use crate::range::{MAX_SIDE, check_integer};
use crate::{AugmentError, GeometricStep};
use fkp_core::{Affine, Rng};
use serde::{Deserialize, Serialize};

/// Adds pixels at the edges; the recipe's border defines their values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Columns on the left.
    pub left: usize,
    /// Rows at the top.
    pub top: usize,
    /// Columns on the right.
    pub right: usize,
    /// Rows at the bottom.
    pub bottom: usize,
}

impl Geometric for Pad {
    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("left", self.left, 0, MAX_SIDE)?;
        check_integer("top", self.top, 0, MAX_SIDE)?;
        check_integer("right", self.right, 0, MAX_SIDE)?;
        check_integer("bottom", self.bottom, 0, MAX_SIDE)
    }

    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let (width, height) = context.size();
        let map = Affine::translation(self.left as f64, self.top as f64);
        let (width, height) = (
            width + self.left + self.right,
            height + self.top + self.bottom,
        );
        Some(GeometricStep::new(map, (width, height)))
    }
}
