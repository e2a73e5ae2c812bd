//! What kind of image is asked for.

use serde::{Deserialize, Serialize};

/// The channels of the developed image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// One gray channel.
    #[default]
    Gray,
    /// Red, green and blue.
    Rgb,
}

impl Channels {
    /// Their number.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}
