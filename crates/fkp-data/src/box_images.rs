//! Boxes of faces on their way from an annotation file to a data set.

use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::schema::SchemaSource;
use crate::table::coordinate;
use crate::{DataError, FarLabels};
use fkp_core::{BoundingBox, LabeledBox, Schema};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The numbers of a box in a file. x and y are measured from the outer edge of the image.
pub(crate) const NUMBERS: [&str; 4] = ["x", "y", "width", "height"];

/// The images of an annotation file with their boxes, in the order of the file.
#[derive(Default)]
pub(crate) struct BoxImages {
    images: Vec<AnnotatedImage>,
    places: Vec<Places>,
    by_name: BTreeMap<String, usize>,
    /// The row of each box, by its image and the bits of its numbers.
    rows: BTreeMap<(usize, [u64; 4]), u64>,
}

/// Where an image is in the annotation file.
struct Places {
    first_row: u64,
    /// The rows of its boxes.
    boxes: Vec<u64>,
}

impl BoxImages {
    /// The image of this name, if the file has it.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Adds an image, without boxes.
    pub(crate) fn add(&mut self, name: &str, path: PathBuf, row: u64) -> usize {
        let image = self.images.len();
        self.by_name.insert(name.to_owned(), image);
        self.images.push(AnnotatedImage {
            id: name.to_owned(),
            image: path.into(),
            ..AnnotatedImage::default()
        });
        self.places.push(Places {
            first_row: row,
            boxes: Vec::new(),
        });
        image
    }

    /// Adds a box to an image.
    ///
    /// # Errors
    /// If the image has this box already.
    pub(crate) fn push(
        &mut self,
        image: usize,
        label: LabeledBox,
        row: u64,
    ) -> Result<(), AnnotationError> {
        let LabeledBox { bounds, .. } = label;
        let bits = [bounds.x, bounds.y, bounds.width, bounds.height].map(f64::to_bits);
        if let Some(first) = self.rows.get(&(image, bits)) {
            return Err(AnnotationError::Duplicate {
                name: format!("the box of {}", self.images[image].id),
                first: format!("row {first}"),
            });
        }
        self.rows.insert((image, bits), row);
        self.images[image].boxes.push(label);
        self.places[image].boxes.push(row);
        Ok(())
    }

    /// Whether an image has no boxes so far.
    pub(crate) fn is_without_boxes(&self, image: usize) -> bool {
        self.images[image].boxes.is_empty()
    }

    /// The error for a second entry of an image that must have one.
    pub(crate) fn duplicate(&self, image: usize) -> AnnotationError {
        AnnotationError::Duplicate {
            name: self.images[image].id.clone(),
            first: format!("row {}", self.places[image].first_row),
        }
    }

    /// The data set of the file `path`. `column` is the name of a number of a box in an error.
    ///
    /// # Errors
    /// If there is no image, or a box is outside its image.
    pub(crate) fn into_set(
        mut self,
        path: &Path,
        far_labels: FarLabels,
        column: impl Fn(&str) -> String,
    ) -> Result<AnnotatedSet, DataError> {
        if self.images.is_empty() {
            return Err(DataError::NoSamples {
                path: path.to_owned(),
            });
        }
        let mut notes = Vec::new();
        far_labels.apply_to_boxes(&mut self.images, &mut notes, |image, far| {
            let row = self.places[image].boxes[far.index];
            DataError::invalid(path, row, column(NUMBERS[far.number]), far.error)
        })?;
        let boxes = || self.images.iter().flat_map(|image| &image.boxes);
        let ignored = boxes().filter(|label| label.ignore).count();
        notes.push(format!(
            "`{}` has {} faces, and {ignored} boxes that are ignored",
            path.display(),
            boxes().count() - ignored
        ));
        Ok(AnnotatedSet {
            schema: Schema::boxes(),
            schema_source: SchemaSource::Format,
            images: self.images,
            predefined_split: None,
            notes,
        })
    }
}

/// Refuses a given schema of keypoints for a data set of boxes.
pub(crate) fn refuse_keypoints(path: &Path, schema: Option<&Schema>) -> Result<(), DataError> {
    match schema.filter(|schema| !schema.is_empty()) {
        None => Ok(()),
        Some(schema) => Err(DataError::SchemaMismatch {
            path: path.to_owned(),
            schema: schema.name().to_owned(),
            expected: schema.len(),
            found: 0,
        }),
    }
}

/// Parses the numbers of a box, which may have no area. The error names one of [`NUMBERS`].
pub(crate) fn parse_bounds(texts: [&[u8]; 4]) -> Result<BoundingBox, (usize, AnnotationError)> {
    let mut numbers = [0.0; 4];
    for (i, text) in texts.into_iter().enumerate() {
        numbers[i] = coordinate(text).map_err(|error| (i, error))?;
        if i >= 2 && numbers[i] < 0.0 {
            return Err((i, invalid_size(text)));
        }
    }
    let [x, y, width, height] = numbers;
    Ok(BoundingBox::from_image_edges(x, y, width, height))
}

/// The error for a width or height that is not positive.
pub(crate) fn invalid_size(text: &[u8]) -> AnnotationError {
    AnnotationError::InvalidSize {
        text: crate::error::shortened(text),
    }
}

/// Parses a flag, 0 or 1.
pub(crate) fn parse_flag(text: &[u8]) -> Result<bool, AnnotationError> {
    match text {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(AnnotationError::InvalidFlag {
            text: crate::error::shortened(text),
        }),
    }
}
