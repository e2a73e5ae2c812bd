//! What every format implements, [`FormatReader`], and what its reader returns.

use crate::annotated_set::{AnnotatedSet, NumberedSet};
use crate::error::listed;
use crate::files::{has_extension, read_head, sorted_names};
use crate::json_keys::top_level_keys;
use crate::origin::SourceDataset;
use crate::schema::SchemaSource;
use crate::split::PredefinedSplit;
use crate::{DataError, FarLabels, MissingImages, Progress};
use fkp_core::{CropRule, Schema};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A format of annotated images.
pub(crate) trait FormatReader: Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// The files that the format expects, as in "expected a folder with …".
    fn expects(&self) -> &'static str;

    /// The file or folder to read if `path` holds a data set of this format.
    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError>;

    /// Reads and checks all annotations of a file or folder. Images in files are not decoded.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError>;

    /// The error for a path without a data set of this format, or for a folder that cannot be read.
    fn not_this_format(&self, path: &Path) -> DataError {
        match content(path) {
            Err(error) => error,
            Ok(found) => DataError::NotThisFormat {
                path: path.to_owned(),
                format: self.name(),
                expected: self.expects(),
                found,
            },
        }
    }
}

/// What a path holds, for a message.
pub(super) fn content(path: &Path) -> Result<String, DataError> {
    match path.is_file() {
        true if has_extension(path, "json") => Ok(match top_level_keys(&read_head(path)?) {
            keys if keys.is_empty() => "a .json file that is not an object with keys".to_owned(),
            keys => format!("a .json file with the keys {}", listed(keys)),
        }),
        true => Ok("a file with another extension".to_owned()),
        false => Ok(listed(sorted_names(path)?)),
    }
}

/// The options that concern a reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadOptions {
    /// The schema of the files, if it is given.
    pub(crate) schema: Option<Schema>,
    pub(crate) far_labels: FarLabels,
    pub(crate) progress: Progress,
    pub(crate) missing_images: MissingImages,
}

/// A data set as its reader returns it.
pub(crate) struct ReadDataset {
    pub(crate) dataset: Arc<dyn SourceDataset>,
    pub(crate) schema_source: SchemaSource,
    /// The rule by which the images were cropped, if they are crops.
    pub(crate) crop: Option<CropRule>,
    /// Width and height of the images, if they are stored as pixels of one size.
    pub(crate) pixel_size: Option<(usize, usize)>,
    pub(crate) predefined_split: Option<PredefinedSplit>,
    /// What a user should know.
    pub(crate) notes: Vec<String>,
}

impl From<AnnotatedSet> for ReadDataset {
    fn from(mut set: AnnotatedSet) -> Self {
        Self {
            schema_source: set.schema_source,
            crop: None,
            pixel_size: None,
            predefined_split: set.predefined_split.take(),
            notes: std::mem::take(&mut set.notes),
            dataset: Arc::new(NumberedSet::from(set)),
        }
    }
}
