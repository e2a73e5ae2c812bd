//! Random errors of the boxes that crops are computed from.

use crate::CropSquare;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Uniform random errors of a face detector's boxes, for training and for evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxJitter {
    /// Limit of the shift along each axis, as a fraction of the side.
    pub shift: f64,
    /// Limit of the change of the side, as a fraction of it.
    pub scale: f64,
}

impl Default for BoxJitter {
    /// ±8 % of the side along each axis, and a side off by ±10 %.
    fn default() -> Self {
        Self {
            shift: 0.08,
            scale: 0.1,
        }
    }
}

impl BoxJitter {
    /// The square moved and scaled at random within the limits.
    pub fn apply(&self, square: &CropSquare, rng: &mut dyn Rng) -> CropSquare {
        let mut within = |limit: f64| limit * rng.random_range(-1.0..=1.0);
        let (dx, dy, grow) = (within(self.shift), within(self.shift), within(self.scale));
        CropSquare {
            center: (
                square.center.0 + dx * square.side,
                square.center.1 + dy * square.side,
            ),
            side: square.side * (1.0 + grow),
        }
    }
}
