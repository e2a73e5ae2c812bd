//! The formats that can be read, and which part of a set is wanted.

use crate::DataError;
use std::fmt;
use std::str::FromStr;

/// A foreign format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Kaggle's *Facial Keypoints Detection* table, pictures as text: [`crate::kaggle`].
    Kaggle,
    /// A folder of pictures and a table of coordinates: [`crate::image_csv`].
    ImageCsv,
    /// A folder of pictures with a `.pts` file each: [`crate::pts`].
    Pts,
    /// COCO keypoints: [`crate::coco`].
    Coco,
}

impl Format {
    /// The names that [`Format::from_str`] understands.
    pub const NAMES: [&'static str; 4] = ["kaggle", "image-csv", "pts", "coco"];

    /// The format's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kaggle => "kaggle",
            Self::ImageCsv => "image-csv",
            Self::Pts => "pts",
            Self::Coco => "coco",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = DataError;

    /// ```
    /// use fkp_data::Format;
    /// assert_eq!("coco".parse::<Format>()?, Format::Coco);
    /// assert!("yolo".parse::<Format>().is_err());
    /// # Ok::<(), fkp_data::DataError>(())
    /// ```
    fn from_str(name: &str) -> Result<Self, DataError> {
        match name {
            "kaggle" => Ok(Self::Kaggle),
            "image-csv" | "image_csv" => Ok(Self::ImageCsv),
            "pts" => Ok(Self::Pts),
            "coco" => Ok(Self::Coco),
            _ => Err(DataError::UnknownFormatName {
                given: name.to_owned(),
            }),
        }
    }
}

/// Which part of a data set is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Split {
    /// Every sample.
    #[default]
    All,
    /// What a network is trained on.
    Train,
    /// What it is judged by.
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
    fn names_round_trip_and_unknown_names_list_the_known() {
        for name in Format::NAMES {
            assert_eq!(name.parse::<Format>().unwrap().to_string(), name);
        }
        let message = "yolo".parse::<Format>().unwrap_err().to_string();
        assert!(
            message.contains("yolo") && message.contains("image-csv"),
            "{message}"
        );
        for split in [Split::All, Split::Train, Split::Val] {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
        }
        assert!("test".parse::<Split>().is_err());
    }
}
