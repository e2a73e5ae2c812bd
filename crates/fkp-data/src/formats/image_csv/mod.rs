//! The reader of images with a table of coordinates: [`Format::ImageCsv`](crate::Format::ImageCsv).

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet, find_image, set_groups_by_name};
use crate::error::AnnotationError;
use crate::files::{has_extension, read_file, sorted_names};
use crate::schema::FileSchema;
use crate::split::{PredefinedSplit, SplitIndices};
use crate::table::{KeypointColumns, Table};
use fkp_core::Schema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The reader of [`Format::ImageCsv`](crate::Format::ImageCsv).
pub(super) struct ImageCsvReader;

impl FormatReader for ImageCsvReader {
    fn name(&self) -> &'static str {
        "image-csv"
    }

    fn expects(&self) -> &'static str {
        "a .csv file with names of image files, or a folder with train.csv and val.csv, \
         training.csv or exactly one .csv file"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = match path.is_file() {
            true => has_extension(path, "csv"),
            false => !tables_in(path)?.is_empty(),
        };
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

/// Reads the tables of a folder, or one table.
///
/// # Errors
/// If a table cannot be read or breaks a rule of the format anywhere, an image is missing, or one
/// image is in both parts of the split.
fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let tables = match path.is_file() {
        true => vec![path.to_owned()],
        false => tables_in(path)?,
    };
    let mut folder: Option<AnnotatedSet> = None;
    let mut ends = Vec::new();
    for table in &tables {
        let known = folder.as_ref().map(|folder| &folder.schema);
        let known = known.or(options.schema.as_ref());
        let read = read_table(table, known, options)?;
        match &mut folder {
            None => folder = Some(read),
            Some(folder) => {
                folder.images.extend(read.images);
                folder.notes.extend(read.notes);
            }
        }
        ends.push(folder.as_ref().map_or(0, |folder| folder.images.len()));
    }
    let Some(mut folder) = folder else {
        return Err(ImageCsvReader.not_this_format(path));
    };
    if let ([train, val], [first, last]) = (tables.as_slice(), ends.as_slice()) {
        let indices = SplitIndices {
            train: (0..*first).collect(),
            val: (*first..*last).collect(),
        };
        refuse_shared_images(&folder, &indices, train, val)?;
        folder.predefined_split = Some(PredefinedSplit {
            indices,
            files: &["train.csv", "val.csv"],
        });
    }
    folder.detect_schema_by_shape();
    set_groups_by_name(&mut folder.images);
    Ok(folder)
}

/// The tables of a folder: `train.csv` and `val.csv`, else the only `.csv` file, else
/// `training.csv`.
pub(super) fn tables_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let parts = [folder.join("train.csv"), folder.join("val.csv")];
    if parts.iter().all(|part| part.is_file()) {
        return Ok(parts.into());
    }
    let names = sorted_names(folder)?;
    let tables: Vec<_> = names
        .iter()
        .filter(|name| has_extension(name, "csv"))
        .collect();
    Ok(match tables.as_slice() {
        [only] => vec![folder.join(only)],
        several if several.iter().any(|name| *name == "training.csv") => {
            vec![folder.join("training.csv")]
        }
        _ => Vec::new(),
    })
}

fn read_table(
    path: &Path,
    schema: Option<&Schema>,
    options: &ReadOptions,
) -> Result<AnnotatedSet, DataError> {
    let text = read_file(path)?;
    let mut table = Table::new(path, &text)?.reporting(&options.progress);
    let (schema, columns) = columns_by_schema(path, &table, schema)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut images = Vec::new();
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        let name = row.text(0)?;
        if name.is_empty() {
            return Err(row.error(0, AnnotationError::EmptyCell));
        }
        rows.push(row.number());
        images.push(AnnotatedImage {
            id: name.to_owned(),
            image: find_image(dir, name)
                .map_err(|error| row.error(0, error))?
                .into(),
            keypoints: row.keypoints(&columns)?,
            ..AnnotatedImage::default()
        });
    }
    if images.is_empty() {
        return Err(DataError::NoSamples {
            path: path.to_owned(),
        });
    }
    let mut notes = Vec::new();
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |index, far| {
        let column = columns[far.keypoint][far.axis];
        table.cell_error(rows[index], column, far.error(far.value.to_string()))
    })?;
    Ok(AnnotatedSet {
        schema: schema.schema,
        schema_source: schema.source,
        images,
        predefined_split: None,
        notes,
    })
}

/// The schema, and the columns of each of its keypoints.
fn columns_by_schema(
    path: &Path,
    table: &Table<'_>,
    given: Option<&Schema>,
) -> Result<(FileSchema, Vec<KeypointColumns>), DataError> {
    let (names, columns) = named_columns(table)?;
    let schema = match given {
        Some(schema) => FileSchema::given(path, schema, &names, |name| {
            table.missing_column(&format!("{name}_x"))
        })?,
        None => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            FileSchema::from_names(path, &stem, &names, &[])?
        }
    };
    let columns = schema.order.iter().map(|i| columns[*i]).collect();
    Ok((schema, columns))
}

/// The names of the keypoints in the order of their first column, and their columns.
fn named_columns(table: &Table<'_>) -> Result<(Vec<String>, Vec<KeypointColumns>), DataError> {
    let columns = table.header().get(1..).unwrap_or_default();
    let is_plain = |(i, name): (usize, &String)| *name == i.to_string();
    if !columns.is_empty() && columns.iter().enumerate().all(is_plain) {
        if columns.len() % 2 == 1 {
            return Err(table.missing_column(&columns.len().to_string()));
        }
        let keypoints = 0..columns.len() / 2;
        let names = keypoints.clone().map(|i| i.to_string());
        return Ok((
            names.collect(),
            keypoints.map(|i| [1 + 2 * i, 2 + 2 * i]).collect(),
        ));
    }
    let mut found: BTreeMap<&str, [Option<usize>; 2]> = BTreeMap::new();
    let mut names = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let Some((name, axis)) = keypoint_and_axis(column) else {
            let expected = "<name>_x and <name>_y, or 0, 1, 2, … for x0, y0, x1, …".to_owned();
            return Err(table.header_error(column, AnnotationError::UnknownColumn { expected }));
        };
        let axes = found.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            [None; 2]
        });
        axes[axis] = Some(i + 1);
    }
    let keypoints = names.iter().map(|name| match found[name.as_str()] {
        [Some(x), Some(y)] => Ok([x, y]),
        [None, _] => Err(table.missing_column(&format!("{name}_x"))),
        [_, None] => Err(table.missing_column(&format!("{name}_y"))),
    });
    let keypoints = keypoints.collect::<Result<Vec<_>, _>>()?;
    if keypoints.is_empty() {
        return Err(table.missing_column("0_x"));
    }
    Ok((names, keypoints))
}

/// `nose_x` is (`nose`, 0), `y12` is (`12`, 1).
fn keypoint_and_axis(column: &str) -> Option<(&str, usize)> {
    for (axis, suffix) in ["_x", "_y"].into_iter().enumerate() {
        if let Some(name) = column.strip_suffix(suffix) {
            return Some((name, axis));
        }
    }
    let first = column.chars().next()?;
    let axis = "xy".find(first)?;
    let number = &column[1..];
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, axis))
}

/// Refuses an image in both tables: the validation metrics would include a training image.
fn refuse_shared_images(
    folder: &AnnotatedSet,
    split: &SplitIndices,
    train: &Path,
    val: &Path,
) -> Result<(), DataError> {
    let image = |&i: &usize| &folder.images[i];
    let known: BTreeMap<_, _> = split
        .train
        .iter()
        .map(|i| (image(i).image.identity(), i))
        .collect();
    let shared = split.val.iter().find_map(|i| {
        let first = known.get(&image(i).image.identity())?;
        Some((*i - split.train.len(), **first))
    });
    let Some((second, first)) = shared else {
        return Ok(());
    };
    // The rows are read again to find the lines for the message.
    let error = AnnotationError::Duplicate {
        name: folder.images[first].id.clone(),
        first: format!("`{}`, row {}", train.display(), line_of_row(train, first)?),
    };
    let row = line_of_row(val, second)?;
    Err(DataError::invalid(val, row, "the column of files", error))
}

fn line_of_row(path: &Path, index: usize) -> Result<u64, DataError> {
    let text = read_file(path)?;
    let mut table = Table::new(path, &text)?;
    for _ in 0..index {
        table.next_row()?;
    }
    Ok(table.next_row()?.map_or(0, |row| row.number()))
}

#[cfg(test)]
mod tests;
