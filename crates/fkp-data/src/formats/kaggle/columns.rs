//! The columns of Kaggle's table.

use crate::error::{AnnotationError, listed};
use crate::table::{KeypointColumns, Table};
use crate::{DataError, MissingImages};
use fkp_core::Schema;

/// The column of images.
pub(super) const IMAGE: &str = "Image";
/// The column of row numbers in the test file.
const IMAGE_ID: &str = "ImageId";

/// The positions of the columns.
pub(super) struct Columns {
    /// `None` in a table of labels without images.
    pub(super) image: Option<usize>,
    pub(super) id: Option<usize>,
    pub(super) keypoints: Vec<KeypointColumns>,
}

impl Columns {
    pub(super) fn find(
        table: &Table<'_>,
        schema: &Schema,
        missing_images: MissingImages,
    ) -> Result<Self, DataError> {
        let id = table.position(IMAGE_ID);
        let is_other = |name: &String| name != IMAGE && name != IMAGE_ID;
        let mut keypoints = Vec::new();
        // A file without coordinate columns is a test file; otherwise all must be present.
        if table.header().iter().any(is_other) {
            for name in schema.keypoints() {
                let column = |axis| table.column(&format!("{name}_{axis}"));
                keypoints.push([column("x")?, column("y")?]);
            }
        }
        let image = match (table.position(IMAGE), missing_images) {
            (None, MissingImages::LabelsOnly) if !keypoints.is_empty() => None,
            _ => Some(table.column(IMAGE)?),
        };
        let is_used =
            |i: usize| Some(i) == image || Some(i) == id || keypoints.as_flattened().contains(&i);
        if let Some(unknown) = (0..table.header().len()).find(|i| !is_used(*i)) {
            let keypoints = schema.keypoints().iter().map(|name| format!("{name}_x/_y"));
            let expected = format!("{IMAGE}, {IMAGE_ID}, {}", listed(keypoints));
            let name = &table.header()[unknown];
            return Err(table.header_error(name, AnnotationError::UnknownColumn { expected }));
        }
        Ok(Self {
            image,
            id,
            keypoints,
        })
    }
}
