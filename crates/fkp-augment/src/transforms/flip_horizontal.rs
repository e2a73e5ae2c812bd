//! Mirroring left to right.

use super::traits::{Geometric, SampleContext};
use crate::GeometricStep;
use fkp_core::{Affine, Rng};
use serde::{Deserialize, Serialize};

/// Mirrors left to right, `x ↦ w − 1 − x`, and exchanges the schema's flip pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlipHorizontal {}

impl Geometric for FlipHorizontal {
    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let size = context.size();
        let map = Affine::flip_horizontal(size.0);
        Some(GeometricStep::new(map, size))
    }

    fn mirrors(&self) -> bool {
        true
    }
}
