//! The reader of the dataset format: [`Format::Fkp`](crate::Format::Fkp).

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::files::{has_extension, sorted_names};
use crate::packed::{PackedFile, is_packed};
use crate::schema::SchemaSource;
use crate::split::PredefinedSplit;
use fkp_core::Dataset;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The reader of [`Format::Fkp`](crate::Format::Fkp).
pub(super) struct FkpReader;

impl FormatReader for FkpReader {
    fn name(&self) -> &'static str {
        "fkp"
    }

    fn expects(&self) -> &'static str {
        "a file in the dataset format, or a folder with exactly one .fkp file"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        if path.is_file() {
            return Ok(is_packed(path)?.then(|| path.to_owned()));
        }
        let names = sorted_names(path)?;
        let files: Vec<_> = names.iter().filter(|n| has_extension(n, "fkp")).collect();
        Ok(match files.as_slice() {
            [only] => Some(path.join(only)),
            _ => None,
        })
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let Some(path) = (match path.is_file() {
            true => Some(path.to_owned()),
            false => self.detect(path)?,
        }) else {
            return Err(self.not_this_format(path));
        };
        let file = PackedFile::open(&path)?;
        let given = options.schema.as_ref();
        if let Some(given) = given.filter(|given| *given != file.schema()) {
            return Err(DataError::OtherSchema {
                path,
                schema: given.name().to_owned(),
                found: file.schema().name().to_owned(),
            });
        }
        let indices = file.predefined_split()?;
        Ok(ReadDataset {
            schema_source: SchemaSource::Format,
            predefined_split: indices.map(|indices| PredefinedSplit {
                indices,
                files: &["train", "val"],
            }),
            notes: Vec::new(),
            crop: file.crop().cloned(),
            pixel_size: file.pixel_size(),
            dataset: Arc::new(file),
        })
    }
}
