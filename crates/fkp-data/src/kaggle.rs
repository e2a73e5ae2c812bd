//! Reads Kaggle's table: [`Format::Kaggle`](crate::Format::Kaggle).

use crate::error::{Problem, abridged, listed};
use crate::folder::{SchemaKeypoint, has_ending};
use crate::table::{Row, Table};
use crate::text::{MAX_BYTES, read_file, read_limited};
use crate::{DataError, OpenOptions, SchemaSource};
use fkp_core::{Dataset, DatasetError, Image, Keypoints, Sample, Schema};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The column with the images.
pub(crate) const IMAGE: &str = "Image";
/// The column that numbers the rows of the test file.
const IMAGE_ID: &str = "ImageId";

/// Kaggle's table, its images in memory as bytes.
#[derive(Debug, Clone)]
pub(crate) struct Kaggle {
    schema: Schema,
    schema_source: SchemaSource,
    /// Width and height of every image.
    side: usize,
    pixels: Vec<u8>,
    rows: Vec<(String, Keypoints)>,
    is_labeled: bool,
    /// What a user should know.
    pub(crate) notes: Vec<String>,
}

impl Kaggle {
    /// Reads a `.csv` file, or the one in a `.zip` file. The schema is `kaggle15` unless given.
    ///
    /// # Errors
    /// If the file cannot be read, or its content breaks a rule of the format anywhere.
    pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Self, DataError> {
        if has_ending(path, "zip") {
            let (member, text) = unzip(path)?;
            // A path into the archive, for messages.
            Self::parse(&path.join(member), &text, options)
        } else {
            Self::parse(path, &read_file(path)?, options)
        }
    }

    /// Parses the text of a table; `path` is for messages.
    fn parse(path: &Path, text: &[u8], options: &OpenOptions) -> Result<Self, DataError> {
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
                keypoints => row.keypoints(keypoints)?,
            };
            set.push_pixels(&row, columns.image)?;
            let frame = (set.side, set.side);
            let far = options.far_labels;
            far.apply(&mut keypoints, frame, &mut set.notes, |far| {
                let column = columns.keypoints[far.keypoint].column(far.axis);
                row.error(column, far.problem(far.value.to_string()))
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
        Ok(set)
    }

    /// Whether the table has coordinate columns; Kaggle's test file has none.
    pub(crate) fn is_labeled(&self) -> bool {
        self.is_labeled
    }

    pub(crate) fn schema_source(&self) -> SchemaSource {
        self.schema_source
    }

    fn push_pixels(&mut self, row: &Row<'_>, column: usize) -> Result<(), DataError> {
        let start = self.pixels.len();
        let cell = row.cell(column).trim_ascii();
        if cell.is_empty() {
            return Err(row.error(column, Problem::EmptyCell));
        }
        parse_pixels(cell, &mut self.pixels).map_err(|problem| row.error(column, problem))?;
        let found = self.pixels.len() - start;
        if self.rows.is_empty() {
            self.side = found.isqrt();
            if self.side * self.side != found {
                return Err(row.error(column, Problem::NotSquare { found }));
            }
        }
        let expected = self.side * self.side;
        if found != expected {
            return Err(row.error(column, Problem::PixelCount { expected, found }));
        }
        Ok(())
    }
}

impl Dataset for Kaggle {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        let Some((id, keypoints)) = self.rows.get(index) else {
            let message = format!("the data set has {} samples", self.rows.len());
            return Err(DatasetError::new(index, message));
        };
        let size = self.side * self.side;
        let pixels = self.pixels[index * size..][..size].to_vec();
        let image = Image::new(self.side, self.side, 1, pixels)
            .map_err(|error| DatasetError::new(index, error))?;
        Ok(Sample::new(id.clone(), image, keypoints.clone()))
    }
}

/// Where in the table what is to be found.
struct Columns {
    image: usize,
    id: Option<usize>,
    keypoints: Vec<SchemaKeypoint>,
}

impl Columns {
    fn find(table: &Table<'_>, schema: &Schema) -> Result<Self, DataError> {
        let place = |name: &str| table.header().iter().position(|column| column == name);
        let id = place(IMAGE_ID);
        let is_other = |name: &String| name != IMAGE && name != IMAGE_ID;
        let mut keypoints = Vec::new();
        // A file without any coordinate is a test file; with some, all must be there.
        if table.header().iter().any(is_other) {
            for name in schema.keypoints() {
                keypoints.push(SchemaKeypoint {
                    x: table.column(&format!("{name}_x"))?,
                    y: table.column(&format!("{name}_y"))?,
                });
            }
        }
        let image = table.column(IMAGE)?;
        let is_used = |i: usize| {
            i == image
                || Some(i) == id
                || keypoints
                    .iter()
                    .any(|keypoint| keypoint.x == i || keypoint.y == i)
        };
        if let Some(unknown) = (0..table.header().len()).find(|i| !is_used(*i)) {
            let keypoints = schema.keypoints().iter().map(|name| format!("{name}_x/_y"));
            let expected = format!("{IMAGE}, {IMAGE_ID}, {}", listed(keypoints));
            let name = &table.header()[unknown];
            return Err(table.header_error(name, Problem::UnknownColumn { expected }));
        }
        Ok(Self {
            image,
            id,
            keypoints,
        })
    }
}

/// Appends integers from 0 to 255, separated by blanks.
fn parse_pixels(cell: &[u8], pixels: &mut Vec<u8>) -> Result<(), Problem> {
    // A pixel and its blank take at most four characters.
    pixels.reserve(cell.len() / 4);
    let start = pixels.len();
    let mut value: Option<u16> = None;
    for (at, &byte) in cell.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                let next = value.unwrap_or(0) * 10 + u16::from(byte - b'0');
                if next > 255 {
                    return Err(not_a_pixel(cell, at, pixels.len() - start));
                }
                value = Some(next);
            }
            byte if byte.is_ascii_whitespace() => {
                if let Some(value) = value.take() {
                    pixels.push(value as u8);
                }
            }
            _ => return Err(not_a_pixel(cell, at, pixels.len() - start)),
        }
    }
    pixels.extend(value.map(|value| value as u8));
    Ok(())
}

/// The whole word about the byte at `at`.
fn not_a_pixel(cell: &[u8], at: usize, index: usize) -> Problem {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let start = cell[..at].iter().rposition(is_blank).map_or(0, |i| i + 1);
    let rest = &cell[start..];
    let end = rest.iter().position(is_blank).unwrap_or(rest.len());
    Problem::NotAPixel {
        index,
        text: abridged(&rest[..end]),
    }
}

/// The one table in an archive: its name and its text.
fn unzip(path: &Path) -> Result<(PathBuf, Vec<u8>), DataError> {
    let file = File::open(path).map_err(|source| DataError::io(path, source))?;
    let failed = |source| DataError::Archive {
        path: path.to_owned(),
        source,
    };
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(failed)?;
    let names = archive.file_names().map(|name| Ok(name?.into_owned()));
    let names: Vec<String> = names.collect::<Result<_, _>>().map_err(failed)?;
    // Apple's archiver adds a shadow of each file.
    let is_table = |name: &&String| has_ending(name, "csv") && !name.starts_with("__MACOSX");
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
        // A damaged stream shows as a system error with the archive's own message.
        DataError::Io { source, .. } => failed(zip::result::ZipError::Io(source)),
        other => other,
    })?;
    Ok((PathBuf::from(name), text))
}

#[cfg(test)]
mod tests;
