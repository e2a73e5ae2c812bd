//! The one-cycle policy.

use super::definition::{Definition, PlateauState, SECTION, SchedulePosition, half_cosine};
use crate::TrainError;
use serde::{Deserialize, Serialize};

/// Up along half a cosine to the configured rate and down along another, once in a run (Smith &
/// Topin 2018), PyTorch's `OneCycleLR`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycle {
    /// The fraction of the run after which the configured rate is reached, in (0, 1).
    pub peak_at: f64,
    /// The run starts at the configured rate divided by this.
    pub start_divisor: f64,
    /// The run ends at its initial rate divided by this.
    pub end_divisor: f64,
}

impl Default for OneCycle {
    /// PyTorch's defaults.
    fn default() -> Self {
        Self {
            peak_at: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
        }
    }
}

impl Definition for OneCycle {
    fn factor(&self, at: SchedulePosition, _: usize, _: &PlateauState) -> f64 {
        let start = 1.0 / self.start_divisor;
        // The peak is at a step, not between two.
        let peak = (self.peak_at * at.total_steps as f64 - 1.0).max(0.0);
        let last = at.total_steps as f64 - 1.0;
        let step = at.step as f64;
        match step < peak {
            true => half_cosine(start, 1.0, step / peak),
            false => {
                let rest = (last - peak).max(f64::MIN_POSITIVE);
                half_cosine(1.0, start / self.end_divisor, (step - peak) / rest)
            }
        }
    }

    fn validate(&self) -> Result<(), TrainError> {
        let is_valid = self.peak_at > 0.0 && self.peak_at < 1.0;
        SECTION.check("peak_at", is_valid, "above 0 and below 1", self.peak_at)?;
        for (field, divisor) in [
            ("start_divisor", self.start_divisor),
            ("end_divisor", self.end_divisor),
        ] {
            let is_valid = divisor.is_finite() && divisor >= 1.0;
            SECTION.check(field, is_valid, "finite and at least 1", divisor)?;
        }
        Ok(())
    }

    fn depends_on_length(&self) -> bool {
        true
    }
}
