//! Reads images with a table of coordinates: [`Format::ImageCsv`].

use crate::error::{Problem, listed};
use crate::folder::{
    AnnotatedImage, Folder, SchemaKeypoint, find_image, has_ending, set_groups_by_name,
    sorted_names,
};
use crate::schemas::{Misfit, Recognized, order_for, recognize};
use crate::table::Table;
use crate::text::read_file;
use crate::{DataError, FarLabels, Format, OpenOptions, SchemaSource, SplitIndices};
use fkp_core::Schema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads a table, or the `train.csv` and `val.csv`, the only `.csv` or the `training.csv` of a
/// folder.
///
/// # Errors
/// If a table cannot be read or breaks a rule of the format anywhere, an image is missing, or one
/// image is in both halves of the split.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Folder, DataError> {
    let tables = tables_of(path)?;
    let mut folder: Option<Folder> = None;
    let mut ends = Vec::new();
    for table in &tables {
        let known = folder.as_ref().map(|folder| &folder.schema);
        let known = known.or(options.schema.as_ref());
        let read = read_table(table, known, options.far_labels)?;
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
        return Err(not_this_format(path)?);
    };
    if let ([train, val], [first, last]) = (tables.as_slice(), ends.as_slice()) {
        let split = SplitIndices {
            train: (0..*first).collect(),
            val: (*first..*last).collect(),
        };
        refuse_shared_images(&folder, &split, train, val)?;
        folder.own_split = Some(split);
    }
    folder.recognize_shape();
    set_groups_by_name(&mut folder.images);
    Ok(folder)
}

/// The tables of a folder: train and val, or the only one, or the one for training.
pub(crate) fn tables_of(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let halves = [path.join("train.csv"), path.join("val.csv")];
    if halves.iter().all(|half| half.is_file()) {
        return Ok(halves.into());
    }
    let names = sorted_names(path)?;
    let tables: Vec<_> = names
        .iter()
        .filter(|name| has_ending(name, "csv"))
        .collect();
    Ok(match tables.as_slice() {
        [only] => vec![path.join(only)],
        several if several.iter().any(|name| *name == "training.csv") => {
            vec![path.join("training.csv")]
        }
        _ => Vec::new(),
    })
}

fn not_this_format(path: &Path) -> Result<DataError, DataError> {
    Ok(DataError::NotThisFormat {
        path: path.to_owned(),
        format: Format::ImageCsv,
        needs: "a .csv file, or a folder with train.csv and val.csv, training.csv or just one .csv file",
        found: listed(sorted_names(path)?),
    })
}

fn read_table(
    path: &Path,
    schema: Option<&Schema>,
    far_labels: FarLabels,
) -> Result<Folder, DataError> {
    let text = read_file(path)?;
    let mut table = Table::new(path, &text)?;
    let (recognized, keypoints) = columns(path, &table, schema)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut images = Vec::new();
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        let name = row.text(0)?;
        if name.is_empty() {
            return Err(row.error(0, Problem::EmptyCell));
        }
        rows.push(row.number());
        images.push(AnnotatedImage {
            id: name.to_owned(),
            path: find_image(dir, name).map_err(|problem| row.error(0, problem))?,
            keypoints: row.keypoints(&keypoints)?,
            group: None,
            face_box: None,
        });
    }
    if images.is_empty() {
        return Err(DataError::NoSamples {
            path: path.to_owned(),
        });
    }
    let mut notes = Vec::new();
    far_labels.apply_to_files(&mut images, &mut notes, |index, far| {
        let column = keypoints[far.keypoint].column(far.axis);
        table.cell_error(rows[index], column, far.problem(far.value.to_string()))
    })?;
    Ok(Folder {
        schema: recognized.schema,
        schema_source: recognized.source,
        images,
        own_split: None,
        notes,
    })
}

/// The schema, and for each of its keypoints the two columns.
fn columns(
    path: &Path,
    table: &Table<'_>,
    given: Option<&Schema>,
) -> Result<(Recognized, Vec<SchemaKeypoint>), DataError> {
    let (names, keypoints) = named_points(table)?;
    let recognized = match given {
        Some(schema) => {
            let order = order_for(schema, &names).map_err(|misfit| match misfit {
                Misfit::Count => DataError::OtherSchema {
                    path: path.to_owned(),
                    schema: schema.name().to_owned(),
                    expected: schema.len(),
                    found: names.len(),
                },
                Misfit::Missing(name) => {
                    let found = listed(table.header());
                    table.header_error(&format!("{name}_x"), Problem::MissingColumn { found })
                }
            })?;
            Recognized {
                schema: schema.clone(),
                order,
                source: SchemaSource::Given,
            }
        }
        None => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            recognize(path, &stem, &names, &[])?
        }
    };
    let keypoints = recognized.order.iter().map(|i| keypoints[*i]).collect();
    Ok((recognized, keypoints))
}

/// Names of the keypoints in the order of their first column, and their columns.
fn named_points(table: &Table<'_>) -> Result<(Vec<String>, Vec<SchemaKeypoint>), DataError> {
    let columns = table.header().get(1..).unwrap_or_default();
    let is_plain = |(i, name): (usize, &String)| *name == i.to_string();
    if !columns.is_empty() && columns.iter().enumerate().all(is_plain) {
        if columns.len() % 2 == 1 {
            let found = listed(table.header());
            let y = columns.len().to_string();
            return Err(table.header_error(&y, Problem::MissingColumn { found }));
        }
        let keypoints = (0..columns.len() / 2).map(|i| SchemaKeypoint {
            x: 1 + 2 * i,
            y: 2 + 2 * i,
        });
        let names = (0..columns.len() / 2).map(|i| i.to_string());
        return Ok((names.collect(), keypoints.collect()));
    }
    let mut found: BTreeMap<&str, [Option<usize>; 2]> = BTreeMap::new();
    let mut names = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let Some((name, axis)) = keypoint_and_axis(column) else {
            let expected = "<name>_x and <name>_y, or 0, 1, 2, … for x0, y0, x1, …".to_owned();
            return Err(table.header_error(column, Problem::UnknownColumn { expected }));
        };
        let axes = found.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            [None; 2]
        });
        axes[axis] = Some(i + 1);
    }
    let keypoints = names.iter().map(|name| match found[name.as_str()] {
        [Some(x), Some(y)] => Ok(SchemaKeypoint { x, y }),
        [x, _] => {
            let missing = if x.is_none() { "x" } else { "y" };
            let found = listed(table.header());
            let column = format!("{name}_{missing}");
            Err(table.header_error(&column, Problem::MissingColumn { found }))
        }
    });
    let keypoints = keypoints.collect::<Result<Vec<_>, _>>()?;
    if keypoints.is_empty() {
        let found = listed(table.header());
        return Err(table.header_error("0_x", Problem::MissingColumn { found }));
    }
    Ok((names, keypoints))
}

/// `nose_x` is (`nose`, 0), `y12` is (`12`, 1).
fn keypoint_and_axis(column: &str) -> Option<(&str, usize)> {
    if let Some(name) = column.strip_suffix("_x") {
        return Some((name, 0));
    }
    if let Some(name) = column.strip_suffix("_y") {
        return Some((name, 1));
    }
    let axis = match column.as_bytes().first() {
        Some(b'x') => 0,
        Some(b'y') => 1,
        _ => return None,
    };
    let number = &column[1..];
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, axis))
}

/// An image in both tables would let the network see what it is judged by.
fn refuse_shared_images(
    folder: &Folder,
    split: &SplitIndices,
    train: &Path,
    val: &Path,
) -> Result<(), DataError> {
    let image = |&i: &usize| &folder.images[i];
    let known: BTreeMap<_, _> = split.train.iter().map(|i| (&image(i).path, i)).collect();
    let shared = split.val.iter().find_map(|i| {
        let first = known.get(&image(i).path)?;
        Some((*i - split.train.len(), **first))
    });
    let Some((second, first)) = shared else {
        return Ok(());
    };
    // The rows were parsed already; they are read again only to find the line for the message.
    let problem = Problem::Duplicate {
        name: folder.images[first].id.clone(),
        first: format!("`{}`, row {}", train.display(), line_of_row(train, first)?),
    };
    let row = line_of_row(val, second)?;
    Err(DataError::invalid(val, row, "the file's column", problem))
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
