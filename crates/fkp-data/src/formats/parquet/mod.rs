//! The reader of Parquet files: [`Format::Parquet`](crate::Format::Parquet).

#[cfg(feature = "parquet")]
mod columns;
#[cfg(feature = "parquet")]
mod footer;
#[cfg(feature = "parquet")]
mod keypoints;
#[cfg(feature = "parquet")]
pub(crate) mod rows;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::files::{has_extension, sorted_names};
use std::path::{Path, PathBuf};

/// The reader of [`Format::Parquet`](crate::Format::Parquet).
pub(super) struct ParquetReader;

impl FormatReader for ParquetReader {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn expects(&self) -> &'static str {
        "a .parquet file, or a folder with .parquet files in it or in data/"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = !files(path)?.is_empty();
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let files = files(path)?;
        match files.is_empty() {
            true => Err(self.not_this_format(path)),
            false => read(path, files, options),
        }
    }
}

/// The `.parquet` files of a folder, or else of `data` in it, where the hub has them.
fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        return Ok(match has_extension(path, "parquet") {
            true => vec![path.to_owned()],
            false => Vec::new(),
        });
    }
    for folder in [path.to_owned(), path.join("data")] {
        if !folder.is_dir() {
            continue;
        }
        let names = sorted_names(&folder)?.into_iter();
        let names = names.filter(|name| has_extension(name, "parquet"));
        let found: Vec<_> = names.map(|name| folder.join(name)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

#[cfg(feature = "parquet")]
fn read(path: &Path, files: Vec<PathBuf>, options: &ReadOptions) -> Result<ReadDataset, DataError> {
    let files = files.into_iter().map(rows::ParquetFile::open);
    let files = files.collect::<Result<Vec<_>, _>>()?;
    Ok(rows::read(path, &files, options)?.into())
}

#[cfg(not(feature = "parquet"))]
fn read(path: &Path, _: Vec<PathBuf>, _: &ReadOptions) -> Result<ReadDataset, DataError> {
    Err(DataError::FeatureNeeded {
        path: path.to_owned(),
        feature: "parquet",
    })
}

#[cfg(test)]
mod tests;
