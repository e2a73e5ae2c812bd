//! Transforms that are applied with a probability.

use super::traits::Composition;
use crate::AugmentError;
use crate::range::check_number;
use fkp_core::Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Applies all of the transforms with probability `p`, else none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sometimes<T> {
    /// The probability, 0 to 1.
    pub p: f64,
    /// The transforms.
    pub transforms: Vec<T>,
}

impl<T> Composition<T> for Sometimes<T> {
    fn validate(&self) -> Result<(), AugmentError> {
        check_number("p", self.p, 0.0, 1.0)
    }

    fn transforms(&self) -> &[T] {
        &self.transforms
    }

    fn is_never_applied(&self) -> bool {
        self.p == 0.0
    }

    fn select(&self, rng: &mut dyn Rng, mut apply: impl FnMut(&T, &mut dyn Rng)) {
        // `random_bool` would use no random number for a probability of 1; like this the numbers
        // after it do not depend on `p`.
        if rng.random::<f64>() < self.p {
            for transform in &self.transforms {
                apply(transform, rng);
            }
        }
    }
}
