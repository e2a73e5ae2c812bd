//! Validation of configurations; messages start with the optimizer's name.

use candle_core::{Result, bail};

/// An error unless the value is in `[0, 1)`.
pub(super) fn validate_fraction(op: &str, field: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    bail!("{op}: {field} = {value} is not in [0, 1)")
}

/// An error unless the value is finite and at least 0.
pub(super) fn validate_not_negative(op: &str, field: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    bail!("{op}: {field} = {value} must be finite and at least 0")
}
