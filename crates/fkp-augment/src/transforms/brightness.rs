//! Brightness.

use super::traits::{Photometric, PointwiseStep, SampleContext};
use crate::{AugmentError, Range};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Adds a number to every value: `v + add`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brightness {
    /// Fraction of white; within [−1, 1].
    pub add: Range,
}

/// The sampled parameters of [`Brightness`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrightnessStep {
    /// Fraction of white.
    pub add: f64,
}

impl Photometric for Brightness {
    type Step = BrightnessStep;

    fn validate(&self) -> Result<(), AugmentError> {
        self.add.check("add", -1.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, rng: &mut dyn Rng) -> BrightnessStep {
        BrightnessStep {
            add: self.add.sample(rng),
        }
    }
}

impl PointwiseStep for BrightnessStep {
    fn value(&self, v: f32) -> f32 {
        v + self.add as f32
    }
}
