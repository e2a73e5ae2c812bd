//! Opening a data set by looking at it.

use crate::error::listed;
use crate::folder::{Folder, has_ending, sorted_names};
use crate::kaggle::{self, Kaggle};
use crate::split::{SplitIndices, SplitRule, find_leak, split};
use crate::summary::{Origin, PartSummary, SchemaSource, Summary};
use crate::table::Table;
use crate::{DataError, FarLabels, Format, Split, coco, image_csv, pts};
use fkp_core::{Dataset, Schema, Subset};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How to open a data set. The default recognizes everything by looking and takes every sample.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The format, where looking is not enough.
    pub format: Option<Format>,
    /// What the keypoints in the files are, where their names do not tell. See
    /// [`crate::schema_from`]. Without it, names that a built-in schema has in any order mean that
    /// one, other names make a schema, and numbers make [`Schema::numbered`]; only 68 numbers are
    /// `ibug68` where the labels have that shape.
    pub schema: Option<Schema>,
    /// What happens to labels far outside their image.
    pub far_labels: FarLabels,
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
    /// How the schema of the samples became known.
    pub schema_source: SchemaSource,
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
    origins: Vec<Origin>,
}

/// The two parts of a data set, without a leak between them.
#[derive(Clone)]
#[non_exhaustive]
pub struct TrainVal {
    /// What a network is trained on.
    pub train: Arc<dyn Dataset>,
    /// What it is judged by.
    pub val: Arc<dyn Dataset>,
    /// Which samples of [`Opened::complete`] these are.
    pub indices: SplitIndices,
}

impl Opened {
    /// What was found, for a person to read; no image is decoded for it.
    ///
    /// Each part has a name and the indices of its samples in [`Opened::complete`], such as those
    /// of [`TrainVal::indices`].
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn summary(&self, parts: &[(&str, &[usize])]) -> Summary {
        let part = |&(name, indices): &(&str, &[usize])| {
            PartSummary::new(name, indices.iter().map(|&index| self.origins[index]))
        };
        Summary {
            format: self.format,
            schema: self.complete.schema().clone(),
            schema_source: self.schema_source,
            parts: parts.iter().map(part).collect(),
            notes: self.notes.clone(),
        }
    }

    /// Both parts: the set's own split if it has one and that does not leak, else by person or
    /// image ([`crate::split`]). Either way every image is decoded once, on all cores.
    ///
    /// # Errors
    /// If the set is too small, an image cannot be read, or the set's own split has a person or
    /// copies of an image on both sides ([`DataError::LeakingSplit`]).
    pub fn train_val(&self) -> Result<TrainVal, DataError> {
        let indices = match &self.own_split {
            Some(own) => {
                self.refuse_leak(own)?;
                own.clone()
            }
            None => split(&self.complete, &self.split_rule)?,
        };
        let part = |indices: &[usize]| -> Result<Arc<dyn Dataset>, DataError> {
            let subset = Subset::new(self.complete.clone(), indices.to_vec());
            Ok(Arc::new(
                subset.map_err(|source| DataError::Split { source })?,
            ))
        };
        Ok(TrainVal {
            train: part(&indices.train)?,
            val: part(&indices.val)?,
            indices,
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

/// Opens a data set: recognizes its format, reads and checks all annotations, leaves images on
/// disk until they are asked for.
///
/// # Errors
/// If the path does not exist, no format is recognized (the message says what was looked for and
/// what is there), the annotations break a rule anywhere, or the set cannot be split as asked.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Opened, DataError> {
    let path = path.as_ref();
    options.split_rule.validate()?;
    // A path that is not there is an error of the system, not of the format.
    std::fs::metadata(path).map_err(|source| DataError::io(path, source))?;
    let (format, place) = match options.format {
        Some(format) => (format, place_of(path, format)?),
        None => recognize(path)?,
    };
    let mut opened = match format {
        Format::Kaggle => from_table(Kaggle::read(&place, options)?, place, options),
        Format::ImageCsv => from_folder(image_csv::read(&place, options)?, format, place, options),
        Format::Pts => from_folder(pts::read(&place, options)?, format, place, options),
        Format::Coco => from_folder(coco::read(&place, options)?, format, place, options),
    };
    match options.split {
        Split::All => {}
        Split::Train => opened.dataset = opened.train_val()?.train,
        Split::Val => opened.dataset = opened.train_val()?.val,
    }
    Ok(opened)
}

fn from_table(mut table: Kaggle, place: PathBuf, options: &OpenOptions) -> Opened {
    let note = "the table has no coordinate columns: no keypoint is labeled";
    let mut notes = std::mem::take(&mut table.notes);
    notes.extend((!table.is_labeled()).then(|| note.to_owned()));
    let origin = |image| Origin {
        image,
        person: None,
    };
    let (schema_source, origins) = (
        table.schema_source(),
        (0..table.len()).map(origin).collect(),
    );
    let complete: Arc<dyn Dataset> = Arc::new(table);
    Opened {
        format: Format::Kaggle,
        schema_source,
        dataset: complete.clone(),
        complete,
        own_split: None,
        notes,
        split_rule: options.split_rule,
        place,
        origins,
    }
}

fn from_folder(
    mut folder: Folder,
    format: Format,
    place: PathBuf,
    options: &OpenOptions,
) -> Opened {
    let (schema_source, origins) = (folder.schema_source, folder.origins());
    let own_split = folder.own_split.take();
    let notes = std::mem::take(&mut folder.notes);
    let complete: Arc<dyn Dataset> = Arc::new(folder);
    Opened {
        format,
        schema_source,
        dataset: complete.clone(),
        complete,
        own_split,
        notes,
        split_rule: options.split_rule,
        place,
        origins,
    }
}

const LOOKED_FOR: &str = "\
    kaggle (a .csv file with a column `Image`, a .zip file, or a folder with training.csv or training.zip), \
    image-csv (any other .csv file, or a folder with train.csv and val.csv, training.csv or just one .csv file), \
    coco (a .json file, or a folder with annotations.json or just one .json file), \
    pts (a folder with .pts files in it or one level below)";

/// The format of what lies at a path, and the file or folder to give to its reader.
fn recognize(path: &Path) -> Result<(Format, PathBuf), DataError> {
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

/// Kaggle's table has a column of images as numbers, or at least the names of Kaggle's keypoints and
/// no file.
fn csv_format(path: &Path) -> Result<Format, DataError> {
    // The header and a row are enough; Kaggle's table is large.
    let mut text = Vec::new();
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let read = file.take(1 << 20).read_to_end(&mut text);
    read.map_err(|source| DataError::io(path, source))?;
    let mut table = Table::new(path, &text)?;
    let first_is_coordinate = table.header().first().is_some_and(|name| {
        let keypoint = name.strip_suffix("_x").or_else(|| name.strip_suffix("_y"));
        keypoint.is_some_and(|keypoint| Schema::kaggle15().index_of(keypoint).is_some())
    });
    let images = table.header().iter().position(|name| name == kaggle::IMAGE);
    let is_kaggle = match images {
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
