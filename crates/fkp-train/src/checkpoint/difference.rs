//! One difference between a saved run and the run that is to continue it.

use std::fmt;

/// Something that is not as it was when a run was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDifference {
    /// What changed: a field of the configuration, a size, an entry of the metadata.
    pub what: String,
    /// Its value when the run was stopped.
    pub saved: String,
    /// Its current value.
    pub current: String,
}

impl fmt::Display for RunDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            saved,
            current,
        } = self;
        // Of a value with many lines, the first line that differs is shown.
        let first = saved.lines().zip(current.lines()).find(|(a, b)| a != b);
        let (saved, current) = first.unwrap_or((saved, current));
        write!(f, "{what} was {saved}, is now {current}")
    }
}
