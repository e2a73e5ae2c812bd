//! Rotation by quarter turns.

use super::traits::{Geometric, SampleContext};
use crate::range::check_integer;
use crate::{AugmentError, GeometricStep};
use fkp_core::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// Rotates counter-clockwise by a multiple of 90°; an odd one exchanges width and height.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate90 {
    /// Numbers of quarter turns, 0 to 3, each equally likely.
    pub turns: Vec<usize>,
}

impl Geometric for Rotate90 {
    fn validate(&self) -> Result<(), AugmentError> {
        if self.turns.is_empty() {
            return Err(AugmentError::Empty {
                field: "turns".to_owned(),
            });
        }
        let check = |turns: &usize| check_integer("turns", *turns, 0, 3);
        self.turns.iter().try_for_each(check)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let size @ (width, height) = context.size();
        let (right, bottom) = (width as f64 - 1.0, height as f64 - 1.0);
        match self.turns.choose(rng)? {
            0 => None,
            1 => Some(GeometricStep::affine(
                [[0.0, 1.0, 0.0], [-1.0, 0.0, right]],
                (height, width),
            )),
            2 => Some(GeometricStep::affine(
                [[-1.0, 0.0, right], [0.0, -1.0, bottom]],
                size,
            )),
            _ => Some(GeometricStep::affine(
                [[0.0, -1.0, bottom], [1.0, 0.0, 0.0]],
                (height, width),
            )),
        }
    }
}
