//! Contrast.

use super::traits::{Photometric, PointwiseStep, SampleContext};
use crate::{AugmentError, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Scales the distance from middle gray: `(v − 1/2)·factor + 1/2`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrast {
    /// The slope; within [0, 10].
    pub factor: Range,
}

/// The sampled parameters of [`Contrast`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContrastStep {
    /// The slope.
    pub factor: f64,
}

impl Photometric for Contrast {
    type Step = ContrastStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.factor.check("factor", 0.0, 10.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> ContrastStep {
        ContrastStep {
            factor: self.factor.sample(rng),
        }
    }
}

impl PointwiseStep for ContrastStep {
    fn value(&self, v: f32) -> f32 {
        (v - 0.5) * self.factor as f32 + 0.5
    }
}
