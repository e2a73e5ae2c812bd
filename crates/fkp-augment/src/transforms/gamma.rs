//! Gamma correction.

use super::traits::{Photometric, PointwiseStep, SampleContext};
use crate::{AugmentError, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Gamma correction: `v^gamma`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gamma {
    /// The exponent, below 1 brightens; within [0.1, 10].
    pub gamma: Range,
}

/// The sampled parameters of [`Gamma`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GammaStep {
    /// The exponent.
    pub gamma: f64,
}

impl Photometric for Gamma {
    type Step = GammaStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.gamma.check("gamma", 0.1, 10.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> GammaStep {
        GammaStep {
            gamma: self.gamma.sample(rng),
        }
    }
}

impl PointwiseStep for GammaStep {
    fn value(&self, v: f32) -> f32 {
        v.max(0.0).powf(self.gamma as f32)
    }
}
