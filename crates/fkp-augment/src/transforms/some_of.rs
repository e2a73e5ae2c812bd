//! Some of several transforms.

use super::traits::Composition;
use crate::AugmentError;
use crate::range::check_integer;
use fkp_core::Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Applies `count` different ones of the transforms, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SomeOf<T> {
    /// Number of transforms that are applied, at most all.
    pub count: usize,
    /// The transforms.
    pub transforms: Vec<T>,
}

impl<T> Composition<T> for SomeOf<T> {
    fn validate(&self) -> Result<(), AugmentError> {
        if self.transforms.is_empty() {
            return Err(AugmentError::Empty {
                field: "transforms".to_owned(),
            });
        }
        check_integer("count", self.count, 0, self.transforms.len())
    }

    fn transforms(&self) -> &[T] {
        &self.transforms
    }

    fn is_never_applied(&self) -> bool {
        self.count == 0
    }

    fn select(&self, rng: &mut dyn Rng, mut apply: impl FnMut(&T, &mut dyn Rng)) {
        // Selection sampling (Knuth, algorithm S): each subset is equally likely.
        let mut missing = self.count;
        for (i, transform) in self.transforms.iter().enumerate() {
            if rng.random_range(0..self.transforms.len() - i) < missing {
                missing -= 1;
                apply(transform, rng);
            }
        }
    }
}
