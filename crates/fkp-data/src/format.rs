//! The formats that can be read, and which part of a set is wanted.

use crate::DataError;
use std::fmt;
use std::str::FromStr;

/// A foreign format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Kaggle's *Facial Keypoints Detection*: a table with an image as text in each row.
    ///
    /// `training.csv` has two columns per keypoint, `<name>_x` and `<name>_y`, empty where a
    /// keypoint is not labeled, and `Image` with the gray values of a square image separated by
    /// blanks. `test.csv` has `ImageId` and `Image` only. Columns are found by name, in any order.
    /// The table may lie in a `.zip` file.
    Kaggle,
    /// A folder of images and a table of coordinates.
    ///
    /// The first column names the image's file, which lies beside the table or in `images/` beside
    /// it. The other columns are coordinates in pixels, counted from 0: either `<name>_x` and
    /// `<name>_y` (also `x0`, `y0`, …) in any order, or plain numbers `0`, `1`, `2`, … for
    /// x0, y0, x1, …. Empty cells are keypoints without a label. A folder with `train.csv` and
    /// `val.csv` brings its own split. File names `PERSON_NUMBER.jpg` name the person.
    ImageCsv,
    /// A folder of images, each with its keypoints in a `.pts` file of the 300-W format.
    ///
    /// `NAME.pts` lies beside `NAME.jpg` (or `.png`, `.jpeg`, `.bmp`), in the folder or one level
    /// below. The format counts pixels from 1; the samples count them from 0. Two lists,
    /// `train.txt` and `val.txt`, of names without ending make the set's own split.
    Pts,
    /// COCO keypoints: one JSON file, images beside it or in `images/` beside it.
    ///
    /// Each annotation with at least one labeled keypoint is a sample, so an image with two faces
    /// makes two. Visibility 0 is a keypoint without a label, 1 a covered one, 2 a visible one. The
    /// schema comes from the categories' `keypoints` and `skeleton`.
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
