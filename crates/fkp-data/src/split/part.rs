//! The parts of a data set that can be requested by name.

use crate::DataError;
use std::fmt;
use std::str::FromStr;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Split {
    /// All samples.
    #[default]
    All,
    /// The training samples.
    Train,
    /// The validation samples.
    Val,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Train => "train",
            Self::Val => "val",
        })
    }
}

impl FromStr for Split {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        match name {
            "all" => Ok(Self::All),
            "train" => Ok(Self::Train),
            "val" => Ok(Self::Val),
            _ => Err(DataError::UnknownSplitName {
                given: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_splits_round_trip() {
        for split in [Split::All, Split::Train, Split::Val] {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
        }
        assert!("test".parse::<Split>().is_err());
    }
}
