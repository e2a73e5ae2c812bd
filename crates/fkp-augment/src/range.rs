//! A range to sample from, and the checks of configuration values.

use crate::AugmentError;
use fkp_core::Rng;
use rand::RngExt;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Largest side that a transform may ask for, in pixels.
pub(crate) const MAX_SIDE: usize = 32_000;

/// A closed interval from which a number is sampled uniformly. In a file it is written
/// `[low, high]`, or as one number where both limits are equal.
///
/// ```
/// use fkp_augment::Range;
/// assert_eq!(Range::within(10.0), Range::new(-10.0, 10.0));
/// assert_eq!(serde_json::from_str::<Range>("[0, 1.5]")?, Range::new(0.0, 1.5));
/// assert_eq!(serde_json::from_str::<Range>("2")?, Range::exactly(2.0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Range {
    /// The smallest number.
    pub low: f64,
    /// The largest number.
    pub high: f64,
}

impl Range {
    /// From `low` to `high`. Validated when a recipe is compiled.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// From `−limit` to `limit`.
    pub const fn within(limit: f64) -> Self {
        Self::new(-limit, limit)
    }

    /// Always this number.
    pub const fn exactly(value: f64) -> Self {
        Self::new(value, value)
    }

    /// Checks that both limits are in `[low, high]` and in order; for the `validate` of a
    /// transform.
    ///
    /// # Errors
    /// If they are not, with the name of the field.
    pub fn check(&self, field: &str, low: f64, high: f64) -> Result<(), AugmentError> {
        check_number(field, self.low, low, high)?;
        check_number(field, self.high, low, high)?;
        if self.low > self.high {
            return Err(AugmentError::Reversed {
                field: field.to_owned(),
                low: self.low,
                high: self.high,
            });
        }
        Ok(())
    }

    /// A number of the range, each equally likely.
    ///
    /// # Panics
    /// If the range is reversed or not finite, which [`Range::check`] refuses.
    pub fn sample(&self, rng: &mut dyn Rng) -> f64 {
        rng.random_range(self.low..=self.high)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrPair)
    }
}

struct NumberOrPair;

impl<'de> Visitor<'de> for NumberOrPair {
    type Value = Range;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a range [low, high]")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Range, E> {
        Ok(Range::exactly(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Range, E> {
        Ok(Range::exactly(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Range, E> {
        Ok(Range::exactly(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Range, A::Error> {
        let mut next = |index| {
            let value = values.next_element::<f64>()?;
            value.ok_or_else(|| Error::invalid_length(index, &self))
        };
        let range = Range::new(next(0)?, next(1)?);
        match values.next_element::<f64>()? {
            None => Ok(range),
            Some(_) => Err(Error::invalid_length(3, &self)),
        }
    }
}

impl From<Range> for [f64; 2] {
    fn from(range: Range) -> Self {
        [range.low, range.high]
    }
}

/// Refuses a number outside `[low, high]`, NaN included.
pub(crate) fn check_number(
    field: &str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), AugmentError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(AugmentError::OutOfRange {
        field: field.to_owned(),
        value,
        low,
        high,
    })
}

/// Refuses an integer outside `[low, high]`.
pub(crate) fn check_integer(
    field: &str,
    value: usize,
    low: usize,
    high: usize,
) -> Result<(), AugmentError> {
    check_number(field, value as f64, low as f64, high as f64)
}

/// Refuses a size of the result that is empty or absurdly large.
pub(crate) fn check_size(width: usize, height: usize) -> Result<(), AugmentError> {
    check_integer("width", width, 1, MAX_SIDE)?;
    check_integer("height", height, 1, MAX_SIDE)
}
