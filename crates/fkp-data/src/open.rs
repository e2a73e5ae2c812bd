//! Opening a data set by looking at it.

use crate::error::listed;
use crate::folder::{has_ending, sorted_names};
use crate::split::{SplitIndices, SplitRule, find_leak, split};
use crate::table::Table;
use crate::{Coco, DataError, Format, ImageCsv, Kaggle, Pts, Split, coco, image_csv, kaggle, pts};
use fkp_core::{Dataset, Schema, Subset};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to open a data set. The default recognises everything by looking and takes every sample.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The format, where looking is not enough.
    pub format: Option<Format>,
    /// What the keypoints in the files are, where names and number do not tell. See
    /// [`crate::schema_from`].
    pub schema: Option<Schema>,
    /// Which part is wanted.
    pub split: Split,
    /// How the set is split if it brings no split of its own.
    pub split_rule: SplitRule,
}

/// A data set that was opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The format that was found.
    pub format: Format,
    /// The samples of the part that was asked for.
    pub dataset: Arc<dyn Dataset>,
    /// All samples, of which [`Opened::own_split`] gives indices.
    pub complete: Arc<dyn Dataset>,
    /// The split that the set brings, as separate tables or lists.
    pub own_split: Option<SplitIndices>,
    /// What a user should know, such as annotations without keypoints that were left out.
    pub notes: Vec<String>,
    split_rule: SplitRule,
    place: PathBuf,
}

/// The two parts of a data set, without a leak between them.
#[derive(Clone)]
pub struct TrainVal {
    /// What a network is trained on.
    pub train: Arc<dyn Dataset>,
    /// What it is judged by.
    pub val: Arc<dyn Dataset>,
}

impl Opened {
    /// Both parts: the set's own split if it has one and that does not leak, else by person or
    /// picture ([`crate::split`]). Either way every picture is decoded once, on all cores.
    ///
    /// # Errors
    /// If the set is too small, a picture cannot be read, or the set's own split has a person or
    /// copies of a picture on both sides ([`DataError::LeakingSplit`]).
    pub fn train_val(&self) -> Result<TrainVal, DataError> {
        let indices = match &self.own_split {
            Some(own) => {
                self.refuse_leak(own)?;
                own.clone()
            }
            None => split(&self.complete, &self.split_rule)?,
        };
        let part = |indices| -> Result<Arc<dyn Dataset>, DataError> {
            let subset = Subset::new(self.complete.clone(), indices);
            Ok(Arc::new(
                subset.map_err(|source| DataError::Split { source })?,
            ))
        };
        Ok(TrainVal {
            train: part(indices.train)?,
            val: part(indices.val)?,
        })
    }

    fn refuse_leak(&self, own: &SplitIndices) -> Result<(), DataError> {
        let Some(leak) = find_leak(&self.complete, own)? else {
            return Ok(());
        };
        let ending = match self.format {
            Format::Pts => "txt",
            _ => "csv",
        };
        Err(DataError::LeakingSplit {
            path: self.place.clone(),
            ending,
            train_id: leak.train_id,
            val_id: leak.val_id,
            shared: leak.shared,
        })
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("format", &self.format)
            .field("schema", &self.dataset.schema().name())
            .field("samples", &self.dataset.len())
            .field("own_split", &self.own_split.is_some())
            .finish_non_exhaustive()
    }
}

/// Opens a data set: recognises its format, reads and checks all annotations, leaves pictures on
/// disk until they are asked for.
///
/// # Errors
/// If the path does not exist, no format is recognised (the message says what was looked for and
/// what is there), the annotations break a rule anywhere, or the set cannot be split as asked.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Opened, DataError> {
    let path = path.as_ref();
    options.split_rule.validate()?;
    // A path that is not there is an error of the system, not of the format.
    std::fs::metadata(path).map_err(|source| DataError::io(path, source))?;
    let (format, place) = match options.format {
        Some(format) => (format, place_of(path, format)?),
        None => recognise(path)?,
    };
    let schema = options.schema.as_ref();
    let mut notes = Vec::new();
    let mut own_split = None;
    let complete: Arc<dyn Dataset> = match format {
        Format::Kaggle => {
            let set = Kaggle::open(&place, schema)?;
            if !set.is_labelled() {
                notes.push("the table has no coordinate columns: no point is labelled".to_owned());
            }
            Arc::new(set)
        }
        Format::ImageCsv => {
            let set = ImageCsv::open(&place, schema)?;
            own_split = set.own_split().cloned();
            Arc::new(set)
        }
        Format::Pts => {
            let set = Pts::open(&place, schema)?;
            own_split = set.own_split().cloned();
            notes.extend(set.notes().iter().cloned());
            Arc::new(set)
        }
        Format::Coco => {
            let set = Coco::open(&place, schema)?;
            notes.extend(set.notes().iter().cloned());
            Arc::new(set)
        }
    };
    let mut opened = Opened {
        format,
        dataset: complete.clone(),
        complete,
        own_split,
        notes,
        split_rule: options.split_rule,
        place,
    };
    match options.split {
        Split::All => {}
        Split::Train => opened.dataset = opened.train_val()?.train,
        Split::Val => opened.dataset = opened.train_val()?.val,
    }
    Ok(opened)
}

const LOOKED_FOR: &str = "\
    kaggle (a .csv file with a column `Image`, a .zip file, or a folder with training.csv or training.zip), \
    image-csv (any other .csv file, or a folder with train.csv and val.csv, training.csv or just one .csv file), \
    coco (a .json file, or a folder with annotations.json or just one .json file), \
    pts (a folder with .pts files in it or one level below)";

/// The format of what lies at a path, and the file or folder to give to its reader.
fn recognise(path: &Path) -> Result<(Format, PathBuf), DataError> {
    let here = path.to_owned();
    if path.is_file() {
        return match path {
            _ if has_ending(path, "zip") => Ok((Format::Kaggle, here)),
            _ if has_ending(path, "json") => Ok((Format::Coco, here)),
            _ if has_ending(path, "csv") => Ok((csv_format(path)?, here)),
            _ => Err(unknown(path, "a file with another ending".to_owned())),
        };
    }
    if let Some(table) = kaggle_table(path) {
        // Kaggle's name alone proves nothing: any set may have a `training.csv`.
        if has_ending(&table, "zip") || csv_format(&table)? == Format::Kaggle {
            return Ok((Format::Kaggle, table));
        }
    }
    if let [first, ..] = image_csv::tables_of(path)?.as_slice() {
        // A single table may be Kaggle's under another name.
        let format = csv_format(first)?;
        let place = if format == Format::Kaggle {
            first.clone()
        } else {
            here
        };
        return Ok((format, place));
    }
    if let Some(file) = coco::file_of(path)? {
        return Ok((Format::Coco, file));
    }
    if pts::has_any(path)? {
        return Ok((Format::Pts, here));
    }
    Err(unknown(path, listed(sorted_names(path)?)))
}

/// What the reader of a format that was asked for is given.
fn place_of(path: &Path, format: Format) -> Result<PathBuf, DataError> {
    let place = match format {
        _ if path.is_file() => Some(path.to_owned()),
        Format::Kaggle => match image_csv::tables_of(path)?.as_slice() {
            _ if kaggle_table(path).is_some() => kaggle_table(path),
            [only] => Some(only.clone()),
            _ => None,
        },
        Format::Coco => coco::file_of(path)?,
        // These two say themselves what they miss.
        Format::ImageCsv | Format::Pts => Some(path.to_owned()),
    };
    let needs = match format {
        Format::Kaggle => "a .csv or .zip file, or a folder with training.csv or training.zip",
        _ => "a .json file, or a folder with annotations.json or just one .json file",
    };
    match place {
        Some(place) => Ok(place),
        None => Err(DataError::NotThisFormat {
            path: path.to_owned(),
            format,
            needs,
            found: listed(sorted_names(path)?),
        }),
    }
}

fn kaggle_table(dir: &Path) -> Option<PathBuf> {
    let names = ["training.csv", "training.zip"].map(|name| dir.join(name));
    names.into_iter().find(|path| path.is_file())
}

/// Kaggle's table has a column of pictures as numbers, or at least the names of Kaggle's points and
/// no file.
fn csv_format(path: &Path) -> Result<Format, DataError> {
    // The header and a row are enough; Kaggle's table is large.
    let mut text = Vec::new();
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let read = file.take(1 << 20).read_to_end(&mut text);
    read.map_err(|source| DataError::io(path, source))?;
    let mut table = Table::new(path, &text)?;
    let first_is_coordinate = table.header().first().is_some_and(|name| {
        let point = name.strip_suffix("_x").or_else(|| name.strip_suffix("_y"));
        point.is_some_and(|point| Schema::kaggle15().index_of(point).is_some())
    });
    let pictures = table.header().iter().position(|name| name == kaggle::IMAGE);
    let is_kaggle = match pictures {
        // The column may hold the names of files as well.
        Some(0) => match table.next_row() {
            Ok(Some(row)) => row
                .cell(0)
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b' ')),
            Ok(None) | Err(_) => true,
        },
        Some(_) => true,
        None => first_is_coordinate,
    };
    Ok(match is_kaggle {
        true => Format::Kaggle,
        false => Format::ImageCsv,
    })
}

fn unknown(path: &Path, found: String) -> DataError {
    DataError::UnknownFormat {
        path: path.to_owned(),
        looked_for: LOOKED_FOR,
        found,
    }
}

#[cfg(test)]
mod tests;
