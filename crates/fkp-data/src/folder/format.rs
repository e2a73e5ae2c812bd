//! The formats of folders that are written.

use crate::DataError;
use std::fmt;
use std::str::FromStr;

/// The labels of a folder that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FolderFormat {
    /// A table of coordinates, [`Format::ImageCsv`](crate::Format::ImageCsv), or of boxes,
    /// [`Format::BoxesCsv`](crate::Format::BoxesCsv); two tables if there is a predefined split.
    #[default]
    ImageCsv,
    /// `annotations.json`, [`Format::Coco`](crate::Format::Coco).
    Coco,
}

impl FolderFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::ImageCsv, Self::Coco];

    /// The name of the format, which [`FolderFormat::from_str`] parses.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageCsv => "image-csv",
            Self::Coco => "coco",
        }
    }
}

impl fmt::Display for FolderFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FolderFormat {
    type Err = DataError;

    /// Underscores count as hyphens.
    fn from_str(name: &str) -> Result<Self, DataError> {
        let hyphenated = name.replace('_', "-");
        let mut formats = Self::ALL.into_iter();
        formats
            .find(|format| format.name() == hyphenated)
            .ok_or_else(|| DataError::UnknownFormatName {
                given: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}
