//! Mirroring top to bottom.

use super::traits::{Geometric, SampleContext};
use crate::GeometricStep;
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Mirrors top to bottom, `y ↦ h − 1 − y`, and exchanges the schema's flip pairs: in a face that is
/// mirrored like this, left and right have changed places too.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlipVertical {}

impl Geometric for FlipVertical {
    fn sample(&self, context: &SampleContext<'_>, _: &mut dyn Rng) -> Option<GeometricStep> {
        let size = context.size();
        let rows = [[1.0, 0.0, 0.0], [0.0, -1.0, size.1 as f64 - 1.0]];
        Some(GeometricStep::affine(rows, size))
    }

    fn mirrors(&self) -> bool {
        true
    }
}
