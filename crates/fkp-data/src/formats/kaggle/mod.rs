//! The reader of Kaggle's table: [`Format::Kaggle`](crate::Format::Kaggle).

use super::image_csv::tables_in;
use super::reader::{FormatReader, ReadDataset, ReadOptions};
use crate::DataError;
use crate::error::{AnnotationError, listed, shortened};
use crate::files::{MAX_BYTES, has_extension, read_file, read_head, read_limited};
use crate::origin::{Origin, SourceDataset};
use crate::schema::SchemaSource;
use crate::table::{KeypointColumns, Row, Table};
use fkp_core::{CropRule, Dataset, DatasetError, Image, Keypoints, Sample, Schema};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The column of images.
const IMAGE: &str = "Image";
/// The column of row numbers in the test file.
const IMAGE_ID: &str = "ImageId";

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

/// Kaggle's table with its images in memory.
#[derive(Debug, Clone)]
struct KaggleTable {
    schema: Schema,
    schema_source: SchemaSource,
    /// Width and height of every image.
    side: usize,
    pixels: Vec<u8>,
    rows: Vec<(String, Keypoints)>,
    /// Whether the table has coordinate columns; Kaggle's test file has none.
    is_labeled: bool,
    /// What a user should know.
    notes: Vec<String>,
}

impl KaggleTable {
    /// Reads a `.csv` file, or the one in a `.zip` file. The schema is `kaggle15` unless given.
    fn read(path: &Path, options: &ReadOptions) -> Result<Self, DataError> {
        if has_extension(path, "zip") {
            let (member, text) = unzip(path)?;
            // A path into the archive, for error messages.
            Self::parse(&path.join(member), &text, options)
        } else {
            Self::parse(path, &read_file(path)?, options)
        }
    }

    /// Parses the text of a table; `path` is for error messages.
    fn parse(path: &Path, text: &[u8], options: &ReadOptions) -> Result<Self, DataError> {
        let schema = options.schema.clone().unwrap_or_else(Schema::kaggle15);
        let mut table = Table::new(path, text)?;
        let columns = Columns::find(&table, &schema)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let mut set = Self {
            side: 0,
            pixels: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            schema_source: match (&options.schema, columns.keypoints.is_empty()) {
                (Some(_), _) => SchemaSource::Given,
                (None, false) => SchemaSource::Names,
                (None, true) => SchemaSource::Format,
            },
            is_labeled: !columns.keypoints.is_empty(),
            schema,
        };
        while let Some(row) = table.next_row()? {
            let mut keypoints = match columns.keypoints.as_slice() {
                [] => Keypoints::unlabeled(set.schema.len()),
                columns => row.keypoints(columns)?,
            };
            set.push_pixels(&row, columns.image)?;
            let frame = (set.side, set.side);
            let far = options.far_labels;
            far.apply(&mut keypoints, frame, &mut set.notes, |far| {
                let column = columns.keypoints[far.keypoint][far.axis];
                row.error(column, far.error(far.value.to_string()))
            })?;
            let id = match columns.id {
                Some(column) => row.text(column)?.to_owned(),
                None => format!("{file}:{}", row.number()),
            };
            set.rows.push((id, keypoints.mark_out_of_frame(frame)));
        }
        if set.rows.is_empty() {
            return Err(DataError::NoSamples {
                path: path.to_owned(),
            });
        }
        if !set.is_labeled {
            let note = "the table has no coordinate columns: no keypoint is labeled";
            set.notes.push(note.to_owned());
        }
        Ok(set)
    }

    fn push_pixels(&mut self, row: &Row<'_>, column: usize) -> Result<(), DataError> {
        let start = self.pixels.len();
        let cell = row.cell(column).trim_ascii();
        if cell.is_empty() {
            return Err(row.error(column, AnnotationError::EmptyCell));
        }
        parse_pixels(cell, &mut self.pixels).map_err(|error| row.error(column, error))?;
        let found = self.pixels.len() - start;
        if self.rows.is_empty() {
            self.side = found.isqrt();
            if self.side * self.side != found {
                return Err(row.error(column, AnnotationError::NotSquare { found }));
            }
        }
        let expected = self.side * self.side;
        if found != expected {
            return Err(row.error(column, AnnotationError::PixelCount { expected, found }));
        }
        Ok(())
    }
}

impl From<KaggleTable> for ReadDataset {
    fn from(mut table: KaggleTable) -> Self {
        Self {
            schema_source: table.schema_source,
            crop: Some(CropRule::Whole),
            predefined_split: None,
            notes: std::mem::take(&mut table.notes),
            dataset: Arc::new(table),
        }
    }
}

impl Dataset for KaggleTable {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let Some((id, keypoints)) = self.rows.get(index) else {
            return Err(DatasetError::out_of_range(index, self.len()));
        };
        let size = self.side * self.side;
        let pixels = self.pixels[index * size..][..size].to_vec();
        let image = Image::new(self.side, self.side, 1, pixels)
            .map_err(|error| DatasetError::new(index, error))?;
        Ok(Sample::new(id.clone(), image, keypoints.clone()))
    }
}

impl SourceDataset for KaggleTable {
    fn origin(&self, index: usize) -> Origin {
        Origin {
            image: index,
            person: None,
        }
    }

    fn encoded_image(&self, _index: usize) -> Result<Option<Vec<u8>>, DataError> {
        Ok(None)
    }
}

/// The positions of the columns.
struct Columns {
    image: usize,
    id: Option<usize>,
    keypoints: Vec<KeypointColumns>,
}

impl Columns {
    fn find(table: &Table<'_>, schema: &Schema) -> Result<Self, DataError> {
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
        let image = table.column(IMAGE)?;
        let is_used =
            |i: usize| i == image || Some(i) == id || keypoints.as_flattened().contains(&i);
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

/// Appends integers from 0 to 255, separated by blanks.
fn parse_pixels(cell: &[u8], pixels: &mut Vec<u8>) -> Result<(), AnnotationError> {
    // A pixel and the blank after it have at most four characters.
    pixels.reserve(cell.len() / 4);
    let start = pixels.len();
    let invalid = |index: usize| {
        let mut words = cell
            .split(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty());
        let text = shortened(words.nth(index).unwrap_or_default());
        AnnotationError::InvalidPixel { index, text }
    };
    let mut value: Option<u16> = None;
    for &byte in cell {
        match byte {
            b'0'..=b'9' => {
                let next = value.unwrap_or(0) * 10 + u16::from(byte - b'0');
                if next > 255 {
                    return Err(invalid(pixels.len() - start));
                }
                value = Some(next);
            }
            byte if byte.is_ascii_whitespace() => {
                if let Some(value) = value.take() {
                    pixels.push(value as u8);
                }
            }
            _ => return Err(invalid(pixels.len() - start)),
        }
    }
    pixels.extend(value.map(|value| value as u8));
    Ok(())
}

/// The name and the text of the table in an archive.
fn unzip(path: &Path) -> Result<(PathBuf, Vec<u8>), DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    let failed = |source| DataError::Archive {
        path: path.to_owned(),
        source,
    };
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(failed)?;
    let names = archive.file_names().map(|name| Ok(name?.into_owned()));
    let names: Vec<String> = names.collect::<Result<_, _>>().map_err(failed)?;
    // The archiver of macOS adds a metadata file for each file.
    let is_table = |name: &&String| has_extension(name, "csv") && !name.starts_with("__MACOSX");
    let tables: Vec<&String> = names.iter().filter(is_table).collect();
    let called = |wanted: &str| {
        let mut tables = tables.iter().copied();
        tables.find(|name| Path::new(name).file_name().is_some_and(|n| n == wanted))
    };
    let table = match tables.as_slice() {
        [only] => Some(*only),
        _ => called("training.csv").or_else(|| called("test.csv")),
    };
    let Some(name) = table else {
        return Err(DataError::ArchiveContent {
            path: path.to_owned(),
            found: listed(&names),
        });
    };
    let member = archive.by_name(name).map_err(failed)?;
    let text = read_limited(&path.join(name), member, MAX_BYTES).map_err(|error| match error {
        // The zip reader reports a corrupt stream as an I/O error.
        DataError::Io { source, .. } => failed(zip::result::ZipError::Io(source)),
        other => other,
    })?;
    Ok((PathBuf::from(name), text))
}

#[cfg(test)]
mod tests;
