//! The reader of Kaggle's table: [`Format::Kaggle`](crate::Format::Kaggle).

mod archive;
mod blocks;
mod columns;
mod dataset;
mod parse;
mod pixels;
mod samples;

use super::image_csv::tables_in;
use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::files::{has_extension, read_head};
use crate::table::Table;
use columns::IMAGE;
use dataset::KaggleTable;
use fkp_core::Schema;
use std::path::{Path, PathBuf};

/// The reader of [`Format::Kaggle`](crate::Format::Kaggle).
pub(super) struct KaggleReader;

impl FormatReader for KaggleReader {
    fn name(&self) -> &'static str {
        "kaggle"
    }

    fn expects(&self) -> &'static str {
        "a .csv file with a column `Image`, a .zip file, or a folder with training.csv or \
         training.zip"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        if path.is_file() {
            let is_kaggle =
                has_extension(path, "zip") || has_extension(path, "csv") && is_kaggle_table(path)?;
            return Ok(is_kaggle.then(|| path.to_owned()));
        }
        // Any data set may have a `training.csv`, and Kaggle's table may have another name.
        let tables = tables_in(path)?;
        for table in training_table(path).iter().chain(tables.first()) {
            if has_extension(table, "zip") || is_kaggle_table(table)? {
                return Ok(Some(table.clone()));
            }
        }
        Ok(None)
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let file = match path.is_file() {
            true => Some(path.to_owned()),
            false => match (training_table(path), tables_in(path)?.as_slice()) {
                (Some(table), _) => Some(table),
                (None, [only]) => Some(only.clone()),
                (None, _) => None,
            },
        };
        match file {
            Some(file) => Ok(KaggleTable::read(&file, options)?.into()),
            None => Err(self.not_this_format(path)),
        }
    }
}

/// `training.csv` or `training.zip` of a folder.
fn training_table(folder: &Path) -> Option<PathBuf> {
    let names = ["training.csv", "training.zip"].map(|name| folder.join(name));
    names.into_iter().find(|path| path.is_file())
}

/// Whether a table has a column of images as numbers, or no image column and a keypoint of Kaggle
/// in its first column.
fn is_kaggle_table(path: &Path) -> Result<bool, DataError> {
    // The header and one row are enough; Kaggle's table is large.
    let text = read_head(path)?;
    let mut table = Table::new(path, &text)?;
    let first_is_coordinate = table.header().first().is_some_and(|name| {
        let keypoint = name.strip_suffix("_x").or_else(|| name.strip_suffix("_y"));
        keypoint.is_some_and(|keypoint| Schema::kaggle15().index_of(keypoint).is_some())
    });
    Ok(match table.position(IMAGE) {
        // A first column of this name may also hold the names of image files.
        Some(0) => match table.next_row() {
            Ok(Some(row)) => {
                let mut bytes = row.cell(0).iter();
                bytes.all(|byte| matches!(byte, b'0'..=b'9' | b' '))
            }
            Ok(None) | Err(_) => true,
        },
        Some(_) => true,
        None => first_is_coordinate,
    })
}

#[cfg(test)]
mod tests;
