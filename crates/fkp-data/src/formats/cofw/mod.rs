//! The reader of COFW: [`Format::Cofw`](crate::Format::Cofw).

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::coco_values::face_box;
use crate::error::AnnotationError;
use crate::files::{has_extension, sorted_names};
use crate::image_source::ImageSource;
use crate::mat::{MatArray, MatFile, Values};
use crate::schema::SchemaSource;
use crate::table::checked_coordinate;
use fkp_core::{Image, Keypoint, Keypoints, Schema, Visibility};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Keypoints of an image.
const KEYPOINTS: usize = 29;

/// The files of the two parts of a predefined split.
const PARTS: [&str; 2] = ["COFW_train.mat", "COFW_test.mat"];

/// The images, keypoints and boxes of a training and of a test file.
const VARIABLES: [[&str; 3]; 2] = [["IsTr", "phisTr", "bboxesTr"], ["IsT", "phisT", "bboxesT"]];

/// The reader of [`Format::Cofw`](crate::Format::Cofw).
pub(super) struct CofwReader;

impl FormatReader for CofwReader {
    fn name(&self) -> &'static str {
        "cofw"
    }

    fn expects(&self) -> &'static str {
        "COFW_train.mat or COFW_test.mat (or …_color.mat), or a folder with one or both"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let is_part = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("cofw_") && name.ends_with(".mat")
        };
        let found = match path.is_file() {
            true => is_part(&path.file_name().unwrap_or_default().to_string_lossy()),
            false => files(path)?.iter().any(Option::is_some),
        };
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    if let Some(schema) = options.schema.as_ref().filter(|s| s.len() != KEYPOINTS) {
        return Err(DataError::SchemaMismatch {
            path: path.to_owned(),
            schema: schema.name().to_owned(),
            expected: schema.len(),
            found: KEYPOINTS,
        });
    }
    if path.is_file() {
        return match has_extension(path, "mat") {
            true => read_part(path, options),
            false => Err(CofwReader.not_this_format(path)),
        };
    }
    match files(path)? {
        [Some(train), Some(test)] => {
            let (train, test) = (read_part(&train, options)?, read_part(&test, options)?);
            Ok(AnnotatedSet::of_parts(train, test, &PARTS))
        }
        [Some(only), None] | [None, Some(only)] => read_part(&only, options),
        [None, None] => Err(CofwReader.not_this_format(path)),
    }
}

/// The files of the two parts in a folder, in color if there are both.
fn files(folder: &Path) -> Result<[Option<PathBuf>; 2], DataError> {
    let names = sorted_names(folder)?;
    Ok(PARTS.map(|part| {
        let color = part.replace(".mat", "_color.mat");
        let mut found = [color.as_str(), part].into_iter().filter_map(|part| {
            let mut names = names.iter();
            names.find(|name| name.eq_ignore_ascii_case(part))
        });
        found.next().map(|name| folder.join(name))
    }))
}

/// # Errors
/// If a variable is missing or has another shape, an image is not of bytes, or a coordinate or flag
/// is invalid.
fn read_part(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let mut file = MatFile::read(path, VARIABLES.as_flattened())?;
    let [_, test] = VARIABLES;
    let [images, labels, boxes] = match file.has(test[0]) {
        true => test,
        false => VARIABLES[0],
    };
    let cells = file.cells(images)?;
    if cells.is_empty() {
        let path = path.to_owned();
        return Err(DataError::NoSamples { path });
    }
    let (rows, columns) = (Some(cells.len()), Some(3 * KEYPOINTS));
    let shaped = |name: &str, columns, expected| {
        let array = file.array(name)?;
        match array.has_shape(rows, columns) {
            true => Ok(array),
            false => {
                let found = format!("{:?}, images: {}", array.dims, cells.len());
                Err(file.error(name, AnnotationError::Syntax { expected, found }))
            }
        }
    };
    let phis = shaped(labels, columns, "87 columns and a row for each image")?;
    let bounds = match file.has(boxes) {
        true => Some(shaped(
            boxes,
            Some(4),
            "4 columns and a row for each image",
        )?),
        false => None,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let total = cells.len() as u64;
    let mut notes = Vec::new();
    let mut annotated = Vec::with_capacity(cells.len());
    for (row, cell) in cells.into_iter().enumerate() {
        let number = row + 1;
        let at = |name: &str, error| {
            let field = format!("variable `{name}`, row {number}");
            DataError::invalid_binary(path, 0, field, error)
        };
        let image = image(cell).map_err(|error| at(images, error))?;
        let mut keypoints = keypoints(phis, row).map_err(|error| at(labels, error))?;
        options
            .far_labels
            .apply(&mut keypoints, image.size(), &mut notes, |far| {
                // As in the file, which counts from 1, without the rounding error of `f32`.
                let value = ((f64::from(far.value) + 1.0) * 1e3).round() / 1e3;
                at(labels, far.error(value.to_string()))
            })?;
        // MATLAB counts pixels from 1: the left edge of the first one is at 0.5.
        let sides = bounds.map(|bounds| {
            let [x, y, width, height] = [0, 1, 2, 3].map(|column| bounds.number(row, column));
            [x - 1.0, y - 1.0, width, height]
        });
        annotated.push(AnnotatedImage {
            id: format!("{name} image {number}"),
            image: ImageSource::Decoded(Arc::new(image)),
            keypoints,
            face_box: sides.and_then(|sides| face_box(&sides)),
            ..AnnotatedImage::default()
        });
        options.progress.report(number as u64, total, "images");
    }
    let given = options.schema.clone();
    Ok(AnnotatedSet {
        schema_source: match given {
            Some(_) => SchemaSource::Given,
            None => SchemaSource::Format,
        },
        schema: given.unwrap_or_else(Schema::cofw29),
        images: annotated,
        predefined_split: None,
        notes,
    })
}

/// An image of gray values or of three colors, which MATLAB stores column by column.
fn image(array: MatArray) -> Result<Image, AnnotationError> {
    let syntax = |found: String| AnnotationError::Syntax {
        expected: "an image of class uint8, [height, width] or [height, width, 3]",
        found,
    };
    let Values::Bytes(bytes) = array.values else {
        return Err(syntax("an array of another class".to_owned()));
    };
    let (height, width, channels) = match *array.dims.as_slice() {
        [height, width] => (height, width, 1),
        [height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => return Err(syntax(format!("{:?}", array.dims))),
    };
    let mut pixels = Vec::with_capacity(bytes.len());
    for y in 0..height {
        for x in 0..width {
            let plane = |channel| (channel * width + x) * height + y;
            pixels.extend((0..channels).map(|channel| bytes[plane(channel)]));
        }
    }
    let image = Image::new(width, height, channels, pixels);
    image.map_err(|error| syntax(error.to_string()))
}

/// x of all keypoints, y of all, then 1 for those that are occluded. MATLAB counts from 1.
fn keypoints(phis: &MatArray, row: usize) -> Result<Keypoints, AnnotationError> {
    let keypoint = |index: usize| {
        let [x, y, flag] = [0, 1, 2].map(|part| phis.number(row, part * KEYPOINTS + index));
        let checked = |value: f64| checked_coordinate(value, || value.to_string());
        Ok(Keypoint {
            x: (checked(x)? - 1.0) as f32,
            y: (checked(y)? - 1.0) as f32,
            visibility: match flag {
                0.0 => Visibility::Visible,
                1.0 => Visibility::Occluded,
                other => {
                    let text = other.to_string();
                    return Err(AnnotationError::InvalidFlag { text });
                }
            },
        })
    };
    (0..KEYPOINTS).map(keypoint).collect()
}

#[cfg(test)]
mod tests;
