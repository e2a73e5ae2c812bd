//! An interval to draw from, and the checks that every configuration number goes through.

use crate::AugmentError;
use fkp_core::Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A closed interval from which a number is drawn uniformly, written `[low, high]` in a file.
///
/// ```
/// use fkp_augment::Range;
/// assert_eq!(Range::within(10.0), Range::new(-10.0, 10.0));
/// assert_eq!(serde_json::to_string(&Range::exactly(2.0))?, "[2.0,2.0]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Range {
    /// The smallest number drawn.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Range {
    /// From `low` to `high`. Checked when a recipe is compiled.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// From `−reach` to `reach`.
    pub const fn within(reach: f64) -> Self {
        Self::new(-reach, reach)
    }

    /// Always this number.
    pub const fn exactly(value: f64) -> Self {
        Self::new(value, value)
    }

    /// Finite, in order, and inside `[low, high]`.
    pub(crate) fn check(
        &self,
        field: &str,
        low: f64,
        high: f64,
        allowed: &'static str,
    ) -> Result<(), AugmentError> {
        number(field, self.low, low, high, allowed)?;
        number(field, self.high, low, high, allowed)?;
        if self.low > self.high {
            return Err(AugmentError::Reversed {
                field: field.to_owned(),
                low: self.low,
                high: self.high,
            });
        }
        Ok(())
    }

    pub(crate) fn draw(&self, rng: &mut dyn Rng) -> f64 {
        rng.random_range(self.low..=self.high)
    }
}

impl From<[f64; 2]> for Range {
    fn from([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }
}

impl From<Range> for [f64; 2] {
    fn from(range: Range) -> Self {
        [range.low, range.high]
    }
}

/// Refuses a number outside `[low, high]`, NaN included.
pub(crate) fn number(
    field: &str,
    value: f64,
    low: f64,
    high: f64,
    allowed: &'static str,
) -> Result<(), AugmentError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(AugmentError::OutOfRange {
        field: field.to_owned(),
        value,
        allowed,
    })
}

/// Refuses a whole number outside `[low, high]`.
pub(crate) fn whole(
    field: &str,
    value: usize,
    low: usize,
    high: usize,
    allowed: &'static str,
) -> Result<(), AugmentError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(AugmentError::OutOfRange {
        field: field.to_owned(),
        value: value as f64,
        allowed,
    })
}
