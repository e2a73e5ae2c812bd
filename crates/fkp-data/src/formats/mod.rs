//! The list of formats that can be read, one module each. A new format is a module that implements
//! [`FormatReader`], its `mod` line and an entry in `formats!` below.

mod boxes_csv;
mod coco;
mod cofw;
mod cvat_xml;
mod dlib_xml;
mod fkp;
mod image_csv;
mod kaggle;
mod labelme;
mod named_faces;
pub(crate) mod parquet;
mod pts;
pub(crate) mod reader;
mod split_by_file;
mod w300_lp;
mod webdataset;
mod wflw;
mod wider_face;
mod xml;
mod yolo_pose;

use crate::DataError;
use reader::{FormatReader, content};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Makes [`Format`] from its variants, their documentation and their readers.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident => $reader:expr,)*) => {
        /// A data set format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[$doc])* $variant,)*
        }

        impl Format {
            /// All formats, in the order in which they are detected.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub(crate) fn reader(self) -> &'static dyn FormatReader {
                match self {
                    $(Self::$variant => &$reader,)*
                }
            }
        }
    };
}

formats! {
    /// The dataset format of this crate, `.fkp`: all images and labels in one file, which is opened
    /// without being parsed. [`pack`](crate::pack) writes it.
    Fkp => fkp::FkpReader,
    /// Kaggle's *Facial Keypoints Detection*: a table with an image as text in each row.
    ///
    /// `training.csv` has two columns per keypoint, `<name>_x` and `<name>_y`, empty where a
    /// keypoint is not labeled, and `Image` with the gray values of a square image separated by
    /// blanks. `test.csv` has `ImageId` and `Image` only. Columns are found by name, in any order.
    /// The table may be in a `.zip` file.
    Kaggle => kaggle::KaggleReader,
    /// A folder of images and a table of face boxes, for face detection.
    ///
    /// The first column has the names of the image files, which are beside the table or in
    /// `images/` beside it. The columns `x`, `y`, `width` and `height`, in any order, have one box a
    /// row in pixels, x and y from the outer edge of the image; `ignore`, if present, is 1 for a box
    /// that is neither a face to find nor background. All faces of an image are one sample, and a
    /// row with empty cells is an image without a face. A predefined split is `train.csv` and
    /// `val.csv` in a folder, or one such table in each of the folders `train` and `val`.
    BoxesCsv => boxes_csv::BoxesCsvReader,
    /// WIDER FACE as it is published, for face detection.
    ///
    /// `wider_face_split/wider_face_train_bbx_gt.txt` has for each image of `WIDER_train/images` its
    /// file, the number of faces and a line for each, whose first numbers are x, y, width and height,
    /// x and y from the outer edge of the image. Faces with the attribute `invalid` are ignored, and
    /// boxes without an area dropped. `wider_face_val_bbx_gt.txt` is the other part of a predefined
    /// split.
    WiderFace => wider_face::WiderFaceReader,
    /// WFLW as it is published: 98 keypoints of a face in each line of a list.
    ///
    /// A line has x and y of 98 points in pixels counted from 0, and the file of the image; before the
    /// file there may be a rectangle around the face (x and y of two corners) and six attributes that
    /// are 0 or 1. Images are in `WFLW_images`, or beside the list or in `images/` beside it. An image
    /// in two lines is two samples.
    ///
    /// `list_98pt_rect_attr_train.txt` and `list_98pt_rect_attr_test.txt`, in the folder or in
    /// `WFLW_annotations/list_98pt_rect_attr_train_test`, are a predefined split. Photographs in WFLW
    /// have several faces; should one be in both lists, which a predefined split must not have, open
    /// the two lists one by one.
    Wflw => wflw::WflwReader,
    /// A folder of images and a table of coordinates.
    ///
    /// The first column has the names of the image files, which are beside the table or in
    /// `images/` beside it. The other columns are coordinates in pixels, counted from 0: either
    /// `<name>_x` and `<name>_y` (also `x0`, `y0`, …) in any order, or plain numbers `0`, `1`,
    /// `2`, … for x0, y0, x1, …. An empty cell is a keypoint without a label. `train.csv` and
    /// `val.csv` in a folder are a predefined split. File names `PERSON_NUMBER.jpg` name the
    /// person.
    ImageCsv => image_csv::ImageCsvReader,
    /// COCO keypoints: one JSON file, images beside it or in `images/` beside it.
    ///
    /// Each annotation with at least one labeled keypoint is a sample, so an image with two faces
    /// is two samples. Visibility 0 is a keypoint without a label, 1 an occluded and 2 a visible
    /// one. The schema comes from the `keypoints` and `skeleton` of the categories.
    Coco => coco::CocoReader,
    /// The XML of dlib's imglab, with keypoints or boxes.
    ///
    /// Each `box` with `part` elements is a sample, and parts are keypoints in pixels counted from 0;
    /// a part that only other boxes have is unlabeled. Parts named by numbers, such as `00`, are
    /// numbered keypoints. Without any part, the file is a data set of face boxes. Boxes with
    /// `ignore='1'` are no samples, and boxes to ignore in a data set of boxes. Images are found by
    /// their path beside the file or in `images/` beside it. Two files of a folder whose names end
    /// with `train.xml` and with `test.xml` or `val.xml` are a predefined split.
    DlibXml => dlib_xml::DlibXmlReader,
    /// CVAT for images 1.1: an XML file, images beside it or in `images/` beside it.
    ///
    /// Each `skeleton` is a sample; a point that is `outside` is unlabeled, and an `occluded` one
    /// occluded. Without skeletons, a `points` shape of several points is a sample of numbered
    /// keypoints, and shapes of one point are the keypoints of one face in each image, or in each
    /// group of shapes, by their labels. CVAT measures from the outer edge of the image: the center
    /// of the first pixel is at 0.5 in the file, and at 0 in the samples.
    CvatXml => cvat_xml::CvatXmlReader,
    /// YOLO pose data sets as of Ultralytics: `data.yaml`, and a text file of labels for each image.
    ///
    /// The labels of `images/train/NAME.jpg` are in `labels/train/NAME.txt`, a line for each face:
    /// class, box (center, width and height), then x and y of each keypoint, with its visibility
    /// (0 unlabeled, 1 occluded, 2 visible) if `kpt_shape` has three numbers a keypoint. With two, a
    /// keypoint at 0, 0 or with a negative coordinate is unlabeled. All are fractions of the size of
    /// the image, measured from its outer edge as Ultralytics does when it resizes and mirrors: x in
    /// pixels is the fraction times the width, minus 0.5. `flip_idx` gives the flip pairs and
    /// `kpt_names` the names. `train` and `val` are a predefined split. Without `data.yaml`, the
    /// number of keypoints comes from the label files, if it is unambiguous.
    YoloPose => yolo_pose::YoloPoseReader,
    /// LabelMe: a folder with a JSON file for each image, also one folder down.
    ///
    /// Each shape of type `point` is a keypoint with the name of its `label`, and the shapes of one
    /// `group_id` are one face; a `rectangle` of the same group is its box. A label that a face
    /// lacks is a keypoint without a label, and the flag `occluded` of a shape an occluded one. The
    /// flags of an image that are set are its attributes. The tool counts from the outer edge of
    /// the image, so 0.5 is the center of the first pixel, which is 0 in the samples. The image is
    /// at `imagePath` or of that name beside the JSON file, or else in `imageData`, which is then
    /// kept in memory. Folders `train` and `val` are a predefined split.
    LabelMe => labelme::LabelMeReader,
    /// A folder of images, each with its keypoints in a `.pts` file of the 300-W format.
    ///
    /// `NAME.pts` is beside `NAME.jpg` (or `.png`, `.jpeg`, `.bmp`), in the folder or at most 16
    /// levels below. The format counts pixels from 1; the samples count them from 0. Two lists of names
    /// without extension, `train.txt` and `val.txt`, are a predefined split.
    Pts => pts::PtsReader,
    /// WebDataset: one `.tar` shard or a folder of them, which are read where they are.
    ///
    /// The members of a sample have one name up to the first dot: an image `KEY.jpg` (or `.png`,
    /// `.jpeg`, `.bmp`) and its labels. `KEY.json` is an object with
    /// - `keypoints`: `[[x, y], …]`, `[[x, y, v], …]` or `[x, y, v, …]` with the visibility v as in
    ///   COCO, or `null` in the place of a keypoint without a label; in pixels counted from 0,
    /// - `keypoint_names`, if it is given: the names in their order,
    /// - `bbox`, if it is given: `[x, y, width, height]` of the face from the outer edge of the
    ///   image,
    /// - `group`, if it is given: the person, a text or a number,
    /// - `attributes`, if it is given: a list of texts,
    ///
    /// and may have others. If it has no keypoints, they are in `KEY.pts` (300-W, counted from 1)
    /// or `KEY.npy` (`float32` or `float64`, `[k, 2]` or `[k, 3]`; a pair of NaN has no label).
    /// Shards must not be compressed. Those whose names start with `train` and with `val` are a
    /// predefined split.
    WebDataset => webdataset::WebDatasetReader,
    /// COFW as it is published: `COFW_train.mat` and `COFW_test.mat`, or with `_color`, in MATLAB.
    ///
    /// The images `IsTr` (`IsT`) are gray or color, `phisTr` has x of the 29 keypoints, y of them
    /// and their occlusion, `bboxesTr` the box of the face. Pixels are counted from 1 as in MATLAB;
    /// the samples count them from 0. The files are HDF5 (MATLAB 7.3) and need the feature `hdf5`
    /// of this crate; files that are saved again with `-v7` do not. All images are kept in memory.
    /// The two files in a folder are a predefined split; color is preferred.
    Cofw => cofw::CofwReader,
    /// 300W-LP and AFLW2000-3D: folders with pairs `NAME.jpg` and `NAME.mat`, also one folder down.
    ///
    /// 300W-LP has the keypoints of the fitted model in `pt2d` (2×68) and, for images that are not
    /// mirrored, better ones on the visible contour of the face in `pts_2d` (68×2) of
    /// `landmarks/FOLDER/NAME_pts.mat`, which are preferred. AFLW2000-3D has `pt3d_68` (3×68), of
    /// which x and y are read, and `pt2d` (2×21, −1 for a keypoint without a label), which is read
    /// for a given schema of 21 keypoints. Pixels are counted from 1, as MATLAB does and as the
    /// published code, which mirrors rows by `height + 1 - y`; the samples count them from 0.
    /// Images that are rendered from one photograph, `NAME_0`, `NAME_1`, …, are one group.
    W300Lp => w300_lp::W300LpReader,
    /// Parquet files, as Hugging Face data sets have them. Needs the feature `parquet` of this crate.
    ///
    /// The column `image` (`img`, or the only one of its kind) has a struct of `bytes` and `path`, or
    /// the bytes of an image file. Keypoints are in a column `keypoints` (`landmarks`, `points`) of
    /// lists: a list of `[x, y]` or `[x, y, v]` with the visibility v as in COCO, or all numbers in
    /// one list, in threes if each third is 0, 1 or 2. Or each has two columns, `<name>_x` and
    /// `<name>_y`. Coordinates are in pixels counted from 0; null or NaN is a keypoint without a
    /// label. The columns `visibility` (a list), `bbox` (x, y, width, height from the outer edge of
    /// the image) and `group` or `person` are read if they are there. All files of a folder, or of
    /// `data` in it, are one data set; names that start with `train` and with `val` are a predefined
    /// split. The images are kept in memory as they are encoded.
    Parquet => parquet::ParquetReader,
}

impl Format {
    /// The name of the format, which [`Format::from_str`] parses.
    pub fn name(self) -> &'static str {
        self.reader().name()
    }

    /// The first format of the list that detects a data set at `path`, and the file or folder to
    /// read.
    pub(crate) fn detect(path: &Path) -> Result<(Self, PathBuf), DataError> {
        for &format in Self::ALL {
            if let Some(found) = format.reader().detect(path)? {
                return Ok((format, found));
            }
        }
        let expected = Self::ALL
            .iter()
            .map(|format| format!("{format} ({})", format.reader().expects()));
        Err(DataError::UnknownFormat {
            path: path.to_owned(),
            expected: expected.collect::<Vec<_>>().join(", "),
            found: content(path)?,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = DataError;

    /// Underscores count as hyphens.
    ///
    /// ```
    /// use fkp_data::Format;
    /// assert_eq!("coco".parse::<Format>()?, Format::Coco);
    /// assert!("yolo".parse::<Format>().is_err());
    /// # Ok::<(), fkp_data::DataError>(())
    /// ```
    fn from_str(name: &str) -> Result<Self, DataError> {
        let hyphenated = name.replace('_', "-");
        let mut formats = Self::ALL.iter().copied();
        formats
            .find(|format| format.name() == hyphenated)
            .ok_or_else(|| DataError::UnknownFormatName {
                given: name.to_owned(),
                known: Self::ALL
                    .iter()
                    .map(|format| format.name())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_an_unknown_name_lists_the_known_ones() {
        for &format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        let message = "yolo".parse::<Format>().unwrap_err().to_string();
        assert!(
            message.contains("yolo") && message.contains("image-csv"),
            "{message}"
        );
    }
}
