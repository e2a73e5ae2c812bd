//! One of several transforms.

use super::traits::Composition;
use crate::AugmentError;
use fkp_core::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// Applies one of the transforms, each equally likely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOf<T> {
    /// The transforms.
    pub transforms: Vec<T>,
}

impl<T> Composition<T> for OneOf<T> {
    fn validate(&self) -> Result<(), AugmentError> {
        if self.transforms.is_empty() {
            return Err(AugmentError::Empty {
                field: "transforms".to_owned(),
            });
        }
        Ok(())
    }

    fn transforms(&self) -> &[T] {
        &self.transforms
    }

    fn select(&self, rng: &mut dyn Rng, mut apply: impl FnMut(&T, &mut dyn Rng)) {
        if let Some(transform) = self.transforms.choose(rng) {
            apply(transform, rng);
        }
    }
}
