//! All of several transforms.

use super::traits::Composition;
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// Applies all of the transforms, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose<T> {
    /// The transforms.
    pub transforms: Vec<T>,
}

impl<T> Composition<T> for Compose<T> {
    fn transforms(&self) -> &[T] {
        &self.transforms
    }

    fn select(&self, rng: &mut dyn Rng, mut apply: impl FnMut(&T, &mut dyn Rng)) {
        for transform in &self.transforms {
            apply(transform, rng);
        }
    }
}
