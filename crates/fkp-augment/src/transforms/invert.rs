//! The negative image.

use super::traits::{Photometric, PointwiseStep, SampleContext};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// The negative image: `1 − v`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invert {}

/// The parameters are fixed, so the sampled ones are the same.
pub type InvertStep = Invert;

impl Photometric for Invert {
    type Step = Invert;

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> Invert {
        *self
    }
}

impl PointwiseStep for Invert {
    fn value(&self, v: f32) -> f32 {
        1.0 - v
    }
}
