//! How a data set without a predefined split is split.

use crate::DataError;
use serde::{Deserialize, Serialize};

/// How a data set without a predefined split is split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitRule {
    /// Seed of the random split.
    pub seed: u64,
    /// Fraction of the groups in the validation part on average, between 0 and 1.
    pub val_fraction: f64,
}

impl Default for SplitRule {
    /// A fifth of the groups, as in most published recipes for this task.
    fn default() -> Self {
        Self {
            seed: 0,
            val_fraction: 0.2,
        }
    }
}

impl SplitRule {
    /// Checks every field.
    ///
    /// # Errors
    /// If the fraction is not a number between 0 and 1, both excluded.
    pub fn validate(&self) -> Result<(), DataError> {
        if self.val_fraction > 0.0 && self.val_fraction < 1.0 {
            return Ok(());
        }
        let given = self.val_fraction;
        Err(DataError::InvalidValFraction { given })
    }
}
