//! Reads images with a `.pts` file each: [`Format::Pts`].

use crate::error::{Problem, abridged, listed};
use crate::far_labels::Axis;
use crate::folder::{AnnotatedImage, Folder, has_ending, sorted_names};
use crate::schemas::recognize;
use crate::table::coordinate;
use crate::text::read_file;
use crate::{DataError, Format, OpenOptions, SchemaSource, SplitIndices};
use fkp_core::{Keypoint, Keypoints, Schema};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads all `.pts` files of a folder and of the folders in it.
///
/// # Errors
/// If a file breaks a rule of the format or has another number of keypoints than the others, an
/// image is missing, or a list names what is not there, or names something twice.
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Folder, DataError> {
    if !path.is_dir() {
        return Err(not_this_format(path, "a file".to_owned()));
    }
    let names = annotation_names(path)?;
    if names.is_empty() {
        return Err(not_this_format(path, listed(sorted_names(path)?)));
    }
    let mut files = Vec::with_capacity(names.len());
    for name in &names {
        let file = path.join(format!("{name}.pts"));
        let text = read_file(&file)?;
        files.push(PtsFile::parse(&file, &text)?);
    }
    let (schema, schema_source) = match &options.schema {
        Some(schema) => (schema.clone(), SchemaSource::Given),
        None => {
            let count = usual_count(&files);
            let numbers: Vec<_> = (0..count).map(|i| i.to_string()).collect();
            let recognized = recognize(path, "pts", &numbers, &[])?;
            (recognized.schema, recognized.source)
        }
    };
    let mut images = Vec::with_capacity(names.len());
    for (name, file) in names.iter().zip(&files) {
        images.push(file.annotated(path, name, &schema)?);
    }
    let (own_split, mut notes) = read_lists(path, &names)?;
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |index, far| {
        let file = &files[index];
        let column = match far.axis {
            Axis::X => "x",
            Axis::Y => "y",
        };
        // As in the file, which counts from 1; what is stored lost the last digits.
        let text = ((f64::from(far.value) + 1.0) * 1e3).round() / 1e3;
        let problem = far.problem(text.to_string());
        DataError::invalid(&file.path, file.rows[far.keypoint], column, problem)
    })?;
    let mut folder = Folder {
        schema,
        schema_source,
        images,
        own_split,
        notes,
    };
    folder.recognize_shape();
    Ok(folder)
}

/// Whether a folder has `.pts` files, in it or one level below.
pub(crate) fn has_any(dir: &Path) -> Result<bool, DataError> {
    Ok(!annotation_names(dir)?.is_empty())
}

fn not_this_format(path: &Path, found: String) -> DataError {
    DataError::NotThisFormat {
        path: path.to_owned(),
        format: Format::Pts,
        needs: "a folder with .pts files in it or one level below",
        found,
    }
}

/// Names such as `afw/134212_1`, without ending, with `/` on every system.
fn annotation_names(dir: &Path) -> Result<Vec<String>, DataError> {
    let mut found = Vec::new();
    for name in sorted_names(dir)? {
        if dir.join(&name).is_dir() {
            let inner = sorted_names(&dir.join(&name))?;
            found.extend(inner.iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.push(name);
        }
    }
    found.retain(|name| has_ending(name, "pts"));
    let stems = found.iter().map(|name| name[..name.len() - 4].to_owned());
    Ok(stems.collect())
}

/// The keypoints of one file, counted from 0.
struct PtsFile {
    path: PathBuf,
    keypoints: Vec<Keypoint>,
    /// The line of each keypoint.
    rows: Vec<u64>,
    /// The line of the closing brace.
    last_row: u64,
}

impl PtsFile {
    fn parse(path: &Path, text: &[u8]) -> Result<Self, DataError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n').zip(1u64..);
        let mut lines = lines.map(|(line, row)| (line.trim_ascii(), row));
        let mut filled = lines.by_ref().filter(|(line, _)| !line.is_empty());
        let last = text.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        let error = |row, column: &str, problem| DataError::invalid(path, row, column, problem);
        let syntax = |expected, line: Option<(&[u8], u64)>| {
            let found = line.map_or("the end".to_owned(), |(l, _)| format!("`{}`", abridged(l)));
            let row = line.map_or(last, |(_, row)| row);
            error(row, "the line", Problem::Syntax { expected, found })
        };
        match filled.next() {
            Some((line, _)) if value(line, b"version:").is_some() => {}
            line => return Err(syntax("`version: 1`", line)),
        }
        let (declared, declared_row) = match filled.next() {
            Some((line, row)) if value(line, b"n_points:").is_some() => {
                let number = value(line, b"n_points:").unwrap_or_default();
                let parsed = std::str::from_utf8(number)
                    .ok()
                    .and_then(|n| n.parse().ok());
                let text = || abridged(number);
                let count: usize = parsed.ok_or_else(|| {
                    error(row, "`n_points`", Problem::NotANumber { text: text() })
                })?;
                (count, row)
            }
            line => return Err(syntax("`n_points: 68`", line)),
        };
        match filled.next() {
            Some((b"{", _)) => {}
            line => return Err(syntax("`{`", line)),
        }
        let mut keypoints = Vec::new();
        let mut rows = Vec::new();
        let last_row = loop {
            match filled.next() {
                Some((b"}", row)) => break row,
                Some((line, row)) => {
                    keypoints.push(keypoint(path, line, row)?);
                    rows.push(row);
                }
                None => return Err(syntax("`}`", None)),
            }
        };
        if keypoints.len() != declared {
            let problem = Problem::KeypointCount {
                expected: declared,
                found: keypoints.len(),
                why: format!(", as `n_points` in row {declared_row} says"),
            };
            return Err(error(last_row, "the list of keypoints", problem));
        }
        Ok(Self {
            path: path.to_owned(),
            keypoints,
            rows,
            last_row,
        })
    }

    fn annotated(
        &self,
        dir: &Path,
        name: &str,
        schema: &Schema,
    ) -> Result<AnnotatedImage, DataError> {
        if self.keypoints.len() != schema.len() {
            let problem = Problem::KeypointCount {
                expected: schema.len(),
                found: self.keypoints.len(),
                why: format!(", as in schema `{}`", schema.name()),
            };
            let column = "the list of keypoints";
            return Err(DataError::invalid(
                &self.path,
                self.last_row,
                column,
                problem,
            ));
        }
        let endings = ["jpg", "png", "jpeg", "bmp", "JPG", "PNG", "JPEG", "BMP"];
        let mut tried = endings.iter().map(|end| dir.join(format!("{name}.{end}")));
        let image = tried.find(|path| path.is_file()).ok_or_else(|| {
            let looked_for = format!("`{name}` with ending jpg, png, jpeg or bmp");
            let problem = Problem::MissingImage { looked_for };
            DataError::invalid(&self.path, 1, "the file's name", problem)
        })?;
        Ok(AnnotatedImage {
            id: name.to_owned(),
            path: image,
            keypoints: Keypoints::new(self.keypoints.clone()),
            group: None,
            face_box: None,
        })
    }
}

fn value<'l>(line: &'l [u8], key: &[u8]) -> Option<&'l [u8]> {
    line.strip_prefix(key).map(<[u8]>::trim_ascii)
}

/// `x y`, counted from 1.
fn keypoint(path: &Path, line: &[u8], row: u64) -> Result<Keypoint, DataError> {
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let (Some(x), Some(y), None) = (words.next(), words.next(), words.next()) else {
        let problem = Problem::Syntax {
            expected: "two numbers, x and y, or `}`",
            found: format!("`{}`", abridged(line)),
        };
        return Err(DataError::invalid(path, row, "the line", problem));
    };
    let read = |word, column| {
        coordinate(word).map_err(|problem| DataError::invalid(path, row, column, problem))
    };
    let (x, y) = (read(x, "x")?, read(y, "y")?);
    Ok(Keypoint::new((x - 1.0) as f32, (y - 1.0) as f32))
}

/// The number of keypoints that most files have, so that the odd one out is the one to be named.
fn usual_count(files: &[PtsFile]) -> usize {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for file in files {
        *counts.entry(file.keypoints.len()).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|&(keypoints, files)| (files, keypoints));
    most.map_or(0, |(keypoints, _)| keypoints)
}

/// The set's own split, if both lists are there, and what to tell the user about it.
fn read_lists(
    dir: &Path,
    names: &[String],
) -> Result<(Option<SplitIndices>, Vec<String>), DataError> {
    let lists = [dir.join("train.txt"), dir.join("val.txt")];
    if !lists.iter().all(|list| list.is_file()) {
        return Ok((None, Vec::new()));
    }
    let places: BTreeMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    // Where each name was first, over both lists: in both would be a leak.
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    let mut read = |list: &Path| {
        let text = read_file(list)?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let mut indices = Vec::new();
        for (line, row) in text.split(|byte| *byte == b'\n').zip(1u64..) {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let error = |problem| DataError::invalid(list, row, "the name", problem);
            let name = std::str::from_utf8(line).map_err(|_| {
                let text = abridged(line);
                error(Problem::NotUtf8 { text })
            })?;
            let Some(&index) = places.get(name) else {
                return Err(error(Problem::MissingAnnotation {
                    name: abridged(line),
                    looked_for: format!("`{}`", dir.join(format!("{name}.pts")).display()),
                }));
            };
            let here = format!("`{}`, row {row}", list.display());
            if let Some(first) = seen.insert(index, here) {
                let name = abridged(line);
                return Err(error(Problem::Duplicate { name, first }));
            }
            indices.push(index);
        }
        indices.sort_unstable();
        Ok(indices)
    };
    let split = SplitIndices {
        train: read(&lists[0])?,
        val: read(&lists[1])?,
    };
    let unlisted = names.len() - seen.len();
    let note = format!("{unlisted} samples are in neither train.txt nor val.txt");
    let notes = (unlisted > 0).then_some(note).into_iter().collect();
    Ok((Some(split), notes))
}

#[cfg(test)]
mod tests;
