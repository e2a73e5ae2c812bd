//! The negative image.

use super::SampleContext;
use super::traits::{Photometric, PointwiseStep};
use crate::AugmentError;
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// The negative image: `1 − v`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invert {}

/// The sampled parameters of [`Invert`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvertStep {}

impl Photometric for Invert {
    type Step = InvertStep;

    fn validate(&self) -> Result<(), AugmentError> {
        Ok(())
    }

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> InvertStep {
        InvertStep {}
    }
}

impl PointwiseStep for InvertStep {
    fn value(&self, v: f32) -> f32 {
        1.0 - v
    }
}
