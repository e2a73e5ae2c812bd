//! The reader of images with a table of face boxes: [`Format::BoxesCsv`](crate::Format::BoxesCsv).

use super::image_csv::tables_in;
use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedSet, find_image};
use crate::box_images::{
    BoxImages, NUMBERS, invalid_size, parse_bounds, parse_flag, refuse_keypoints,
};
use crate::error::AnnotationError;
use crate::files::{has_extension, read_file, read_head, sorted_names};
use crate::table::{Row, Table};
use fkp_core::LabeledBox;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The optional column of boxes that are neither faces to find nor background.
const IGNORE: &str = "ignore";

/// The reader of [`Format::BoxesCsv`](crate::Format::BoxesCsv).
pub(super) struct BoxesCsvReader;

impl FormatReader for BoxesCsvReader {
    fn name(&self) -> &'static str {
        "boxes-csv"
    }

    fn expects(&self) -> &'static str {
        "a .csv file with columns x, y, width and height, or a folder with one, with two called \
         train.csv and val.csv, or with one in each of the folders train and val"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let tables = Tables::of(path)?;
        let tables = tables.as_ref().map_or(&[][..], |tables| &tables.paths);
        for table in tables {
            if !is_box_table(table)? {
                return Ok(None);
            }
        }
        Ok((!tables.is_empty()).then(|| path.to_owned()))
    }

    /// # Errors
    /// If a table cannot be read or breaks a rule of the format anywhere, or an image is missing.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        let Some(tables) = Tables::of(path)? else {
            return Err(self.not_this_format(path));
        };
        let mut parts = Vec::new();
        for table in &tables.paths {
            refuse_keypoints(table, options.schema.as_ref())?;
            parts.push(read_table(table, options)?);
        }
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next()) {
            (Some(train), Some(val)) => Ok(AnnotatedSet::of_parts(train, val, tables.files).into()),
            (Some(all), None) => Ok(all.into()),
            (None, _) => Err(self.not_this_format(path)),
        }
    }
}

/// One table, or those of the two parts of a split.
struct Tables {
    paths: Vec<PathBuf>,
    /// The names of the parts, if there are two.
    files: &'static [&'static str; 2],
}

impl Tables {
    /// The table `path`, those in this folder, or those in its folders `train` and `val`; `None` if
    /// there is none. Their content is not checked.
    fn of(path: &Path) -> Result<Option<Self>, DataError> {
        let in_one_folder = |paths| Self {
            paths,
            files: &["train.csv", "val.csv"],
        };
        if path.is_file() {
            let is_table = has_extension(path, "csv");
            return Ok(is_table.then(|| in_one_folder(vec![path.to_owned()])));
        }
        let own = tables_in(path)?;
        if !own.is_empty() {
            return Ok(Some(in_one_folder(own)));
        }
        let files = &["train/", "val/"];
        let mut paths = Vec::new();
        for folder in files.map(|part| path.join(part)) {
            let tables = match folder.is_dir() {
                true => tables_in(&folder)?,
                false => Vec::new(),
            };
            let [only] = tables.as_slice() else {
                return Ok(None);
            };
            paths.push(only.clone());
        }
        Ok(Some(Self { paths, files }))
    }
}

/// Whether a table has the columns of a box. One may be missing: that is an error of such a table,
/// and no table of another format has three of them.
fn is_box_table(path: &Path) -> Result<bool, DataError> {
    let text = read_head(path)?;
    let table = Table::new(path, &text)?;
    let found = NUMBERS.iter().filter(|name| table.position(name).is_some());
    Ok(found.count() >= 3)
}

/// Reads one table and the names of its images.
fn read_table(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let text = read_file(path)?;
    let mut table = Table::new(path, &text)?.reporting(&options.progress);
    let columns = Columns::find(&table)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut images = BoxImages::default();
    let mut files = BTreeSet::new();
    while let Some(row) = table.next_row()? {
        let name = row.text(0)?;
        if name.is_empty() {
            return Err(row.error(0, AnnotationError::EmptyCell));
        }
        let label = columns.labeled_box(&row)?;
        let image = match (images.position(name), &label) {
            // The row of an image without a face must be the only one of its image.
            (Some(image), None) => return Err(row.error(0, images.duplicate(image))),
            (Some(image), Some(_)) if images.is_without_boxes(image) => {
                return Err(row.error(0, images.duplicate(image)));
            }
            (Some(image), Some(_)) => image,
            (None, _) => {
                let file = find_image(dir, name).map_err(|error| row.error(0, error))?;
                files.extend(file.file_name().map(|name| name.to_owned()));
                images.add(name, file, row.number())
            }
        };
        if let Some(label) = label {
            let pushed = images.push(image, label, row.number());
            pushed.map_err(|error| row.error(columns.numbers[0], error))?;
        }
    }
    let mut folder =
        images.into_set(path, options.far_labels, |name| format!("column `{name}`"))?;
    folder.notes.extend(note_of_unlisted(dir, &files)?);
    Ok(folder)
}

/// A note about files in `images/` that no row names: a table that lists faces only is easily taken
/// for one that lists all images.
fn note_of_unlisted(
    dir: &Path,
    listed: &BTreeSet<std::ffi::OsString>,
) -> Result<Option<String>, DataError> {
    let folder = dir.join("images");
    if !folder.is_dir() {
        return Ok(None);
    }
    let extensions = ["jpg", "jpeg", "png", "bmp"];
    let mut unlisted = sorted_names(&folder)?;
    unlisted.retain(|name| {
        let is_image = extensions.iter().any(|end| has_extension(name, end));
        is_image && !listed.contains(std::ffi::OsStr::new(name))
    });
    Ok(unlisted.first().map(|first| {
        format!(
            "{} images of `{}` are in no row and were not read, such as {first}; an image without \
             a face needs a row with empty cells",
            unlisted.len(),
            folder.display()
        )
    }))
}

/// The positions of the columns. The first has the names of the images.
struct Columns {
    numbers: [usize; 4],
    ignore: Option<usize>,
}

impl Columns {
    fn find(table: &Table<'_>) -> Result<Self, DataError> {
        let is_known = |name: &String| NUMBERS.contains(&&**name) || name == IGNORE;
        let header = table.header();
        if header.first().is_some_and(is_known) {
            return Err(table.missing_column("image"));
        }
        if let Some(unknown) = header.iter().skip(1).find(|name| !is_known(name)) {
            let expected = format!("{}, {IGNORE}", NUMBERS.join(", "));
            return Err(table.header_error(unknown, AnnotationError::UnknownColumn { expected }));
        }
        let [x, y, width, height] = NUMBERS.map(|name| table.column(name));
        Ok(Self {
            numbers: [x?, y?, width?, height?],
            ignore: table.position(IGNORE),
        })
    }

    /// The box of a row; `None` if its cells are empty.
    fn labeled_box(&self, row: &Row<'_>) -> Result<Option<LabeledBox>, DataError> {
        let cells = self.numbers.map(|column| row.cell(column).trim_ascii());
        let ignore = match self
            .ignore
            .map(|column| (column, row.cell(column).trim_ascii()))
        {
            None | Some((_, b"")) => false,
            Some((column, flag)) => parse_flag(flag).map_err(|error| row.error(column, error))?,
        };
        match cells.iter().position(|cell| cell.is_empty()) {
            Some(_) if cells.iter().all(|cell| cell.is_empty()) => return Ok(None),
            Some(i) => return Err(row.error(self.numbers[i], AnnotationError::EmptyCell)),
            None => {}
        }
        let invalid = |(i, error): (usize, _)| row.error(self.numbers[i], error);
        let bounds = parse_bounds(cells).map_err(invalid)?;
        for (i, size) in [(2, bounds.width), (3, bounds.height)] {
            if size == 0.0 {
                return Err(invalid((i, invalid_size(cells[i]))));
            }
        }
        Ok(Some(LabeledBox { bounds, ignore }))
    }
}

#[cfg(test)]
mod tests;
