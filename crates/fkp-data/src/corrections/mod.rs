//! Corrections of a data set, kept in a file of their own: samples to exclude, labels to change.

mod corrected_set;
mod entries;

use crate::DataError;
use crate::error::{AnnotationError, listed};
use crate::files::{line_ends, read_file};
use crate::formats::reader::ReadDataset;
use corrected_set::CorrectedSet;
use entries::Name;
pub(crate) use entries::{Exclusion, LabelCorrection, SampleName};
use fkp_core::{Keypoint, Keypoints, Schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Samples to exclude and labels to change, so that the files of a data set stay as they are.
///
/// The file is TOML. Each entry names a sample by its id and, with `image`, by the
/// [content hash](fkp_core::Image::content_hash) of its pixels, 16 hexadecimal digits: opening fails
/// if the image is another one. `index` is the position of the sample, from 0, for ids that occur
/// twice. `swap_left_right` exchanges the keypoints of all flip pairs, `swap` those of single pairs;
/// `unlabel` removes labels, `move` sets them, in pixels with pixel centers at integers. They are
/// applied in this order.
///
/// ```
/// use fkp_data::{Corrections, OpenOptions};
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("fix.toml");
/// std::fs::write(&path, r#"
/// [[exclude]]
/// id = "a/03.jpg"
/// image = "00f3a09b5c1d2e47"
/// reason = "the same image as a/01.jpg"
///
/// [[correct]]
/// id = "a/07.jpg"
/// reason = "left and right eye are exchanged, the nose is on the ear"
/// swap = [["left_eye", "right_eye"]]
/// unlabel = ["nose_tip"]
/// move = [{ keypoint = "chin", x = 50.5, y = 91.0 }]
/// "#)?;
/// let options = OpenOptions {
///     corrections: Some(Corrections::load(&path)?),
///     ..OpenOptions::default()
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Corrections {
    /// The file, for messages.
    #[serde(skip)]
    path: PathBuf,
    /// The content of the file, to count rows in.
    #[serde(skip)]
    text: Arc<str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<Exclusion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    correct: Vec<LabelCorrection>,
}

impl Corrections {
    /// Reads a file.
    ///
    /// # Errors
    /// If the file cannot be read, or an entry is invalid: the error names the row.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = match read_file(path) {
            // An empty list is a file without bytes.
            Err(DataError::Empty { .. }) => Vec::new(),
            read => read?,
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let row = 1 + line_ends(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            let text = crate::error::shortened(error.as_bytes());
            DataError::invalid(path, row, "text", AnnotationError::NotUtf8 { text })
        })?;
        let parsed: Self = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let row = row_at(&text, start);
            let message = error.message().to_owned();
            DataError::invalid(path, row, "TOML", AnnotationError::Toml { message })
        })?;
        Ok(Self {
            path: path.to_owned(),
            text: text.into(),
            ..parsed
        })
    }

    /// Writes the file, which [`Corrections::load`] reads.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        let path = path.as_ref();
        let text = toml::to_string(self).map_err(std::io::Error::other);
        let written = text.and_then(|text| std::fs::write(path, text));
        written.map_err(DataError::write(path))
    }

    /// Number of samples that are excluded.
    pub fn exclusions(&self) -> usize {
        self.exclude.len()
    }

    /// Number of samples whose labels change.
    pub fn corrections(&self) -> usize {
        self.correct.len()
    }

    pub(crate) fn of(exclude: Vec<Exclusion>, correct: Vec<LabelCorrection>) -> Self {
        Self {
            exclude,
            correct,
            ..Self::default()
        }
    }

    /// The data set without the excluded samples and with the corrected labels.
    pub(crate) fn apply(&self, read: ReadDataset) -> Result<ReadDataset, DataError> {
        let source = &read.dataset;
        let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in 0..source.len() {
            let id = source.labels(index)?.id;
            by_id.entry(id).or_default().push(index);
        }
        let mut first_rows: BTreeMap<usize, u64> = BTreeMap::new();
        let mut find = |list: &str, number: usize, name: &SampleName| {
            let field = |field: &str| format!("{list}[{number}].{field}");
            let index = self.find(&read, &by_id, name, field)?;
            let row = self.row(&name.id);
            match first_rows.insert(index, row) {
                None => Ok(index),
                Some(first) => {
                    let (name, first) = (name.id.text.clone(), format!("row {first}"));
                    let error = AnnotationError::Duplicate { name, first };
                    Err(DataError::invalid(&self.path, row, field("id"), error))
                }
            }
        };
        let mut is_kept = vec![true; source.len()];
        for (number, entry) in self.exclude.iter().enumerate() {
            is_kept[find("exclude", number, &entry.sample)?] = false;
        }
        let mut changed = BTreeMap::new();
        for (number, entry) in self.correct.iter().enumerate() {
            let index = find("correct", number, &entry.sample)?;
            let mut keypoints = source.labels(index)?.keypoints;
            self.change(entry, number, source.schema(), &mut keypoints)?;
            changed.insert(index, keypoints);
        }
        let kept: Vec<usize> = (0..is_kept.len()).filter(|index| is_kept[*index]).collect();
        let no_samples = || DataError::NoSamples {
            path: self.path.clone(),
        };
        if kept.is_empty() {
            return Err(no_samples());
        }
        let mut predefined_split = read.predefined_split;
        if let Some(split) = &mut predefined_split {
            for part in [&mut split.indices.train, &mut split.indices.val] {
                let was_empty = part.is_empty();
                part.retain(|index| is_kept[*index]);
                for index in part.iter_mut() {
                    *index = kept.partition_point(|kept| kept < index);
                }
                if part.is_empty() && !was_empty {
                    return Err(no_samples());
                }
            }
        }
        let mut notes = read.notes;
        notes.push(format!(
            "`{}`: {} of {} samples excluded, labels of {} corrected",
            self.path.display(),
            self.exclude.len(),
            is_kept.len(),
            self.correct.len()
        ));
        Ok(ReadDataset {
            dataset: Arc::new(CorrectedSet::new(read.dataset, kept, changed)),
            predefined_split,
            notes,
            ..read
        })
    }

    /// The sample that an entry names.
    fn find(
        &self,
        read: &ReadDataset,
        by_id: &BTreeMap<String, Vec<usize>>,
        name: &SampleName,
        field: impl Fn(&str) -> String,
    ) -> Result<usize, DataError> {
        let row = self.row(&name.id);
        let invalid = |of: &str, error| DataError::invalid(&self.path, row, field(of), error);
        let candidates = by_id.get(name.id.text.as_str());
        let candidates = candidates.map_or(&[][..], Vec::as_slice);
        let index = match (candidates, name.index) {
            ([], _) => {
                let id = name.id.text.clone();
                return Err(invalid("id", AnnotationError::UnknownSample { id }));
            }
            ([only], None) => *only,
            (several, Some(index)) if several.contains(&index) => index,
            (several, Some(_)) => {
                let at = listed(several.iter().map(usize::to_string));
                return Err(invalid("index", AnnotationError::WrongIndex { at }));
            }
            (several, None) => {
                let at = listed(several.iter().map(usize::to_string));
                return Err(invalid("id", AnnotationError::AmbiguousSample { at }));
            }
        };
        if let Some(expected) = &name.image {
            let sample = read.dataset.get(index);
            let sample = sample.map_err(|source| DataError::Corrected { source })?;
            let found = hash_text(sample.image.content_hash());
            if found != expected.to_ascii_lowercase() {
                let expected = crate::error::shortened(expected.as_bytes());
                let error = AnnotationError::OtherImage { expected, found };
                return Err(invalid("image", error));
            }
        }
        Ok(index)
    }

    fn change(
        &self,
        entry: &LabelCorrection,
        number: usize,
        schema: &Schema,
        keypoints: &mut Keypoints,
    ) -> Result<(), DataError> {
        let field = |field: &str| format!("correct[{number}].{field}");
        let index_of = |name: &Name, of: &str| {
            schema.index_of(&name.text).ok_or_else(|| {
                let keypoint = name.text.clone();
                let known = listed(schema.keypoints());
                let error = AnnotationError::NoSuchKeypoint { keypoint, known };
                DataError::invalid(&self.path, self.row(name), field(of), error)
            })
        };
        if entry.swap_left_right {
            keypoints.swap_pairs(schema).map_err(|error| {
                let (row, column) = (self.row(&entry.sample.id), field("swap_left_right"));
                let message = error.to_string();
                DataError::invalid(&self.path, row, column, AnnotationError::Sides { message })
            })?;
        }
        for [a, b] in &entry.swap {
            let (a, b) = (index_of(a, "swap")?, index_of(b, "swap")?);
            (keypoints[a], keypoints[b]) = (keypoints[b], keypoints[a]);
        }
        for name in &entry.unlabel {
            keypoints[index_of(name, "unlabel")?] = Keypoint::unlabeled();
        }
        for placed in &entry.moved {
            let index = index_of(&placed.keypoint, "move")?;
            let checked = |value: f64, axis| {
                let checked = crate::table::checked_coordinate(value, || value.to_string());
                checked.map_err(|error| {
                    let column = format!("{}.{axis}", field("move"));
                    DataError::invalid(&self.path, self.row(&placed.keypoint), column, error)
                })
            };
            let (x, y) = (checked(placed.x, "x")?, checked(placed.y, "y")?);
            keypoints[index] = Keypoint::new(x as f32, y as f32);
        }
        Ok(())
    }

    fn row(&self, name: &Name) -> u64 {
        row_at(&self.text, name.at)
    }
}

/// The row of a byte of a text, from 1.
fn row_at(text: &str, byte: usize) -> u64 {
    1 + line_ends(&text.as_bytes()[..byte.min(text.len())])
}

/// A content hash as it is written in a file of corrections.
pub(crate) fn hash_text(hash: u64) -> String {
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests;
