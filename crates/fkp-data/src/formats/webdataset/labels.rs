//! The labels of one sample of a shard, in any of the three kinds of members.

use crate::DataError;
use crate::coco_values::{face_box_of_json, visibility};
use crate::error::{AnnotationError, shortened};
use crate::json_document::Document;
use crate::npy;
use crate::pts_file::PtsFile;
use crate::table::checked_coordinate;
use fkp_core::{FaceBox, Keypoint, Visibility};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The keypoints of a sample and where they are written.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) keypoints: Vec<Keypoint>,
    pub(super) names: Option<Vec<String>>,
    /// The shard and the member as a path, for messages.
    pub(super) path: PathBuf,
    place: Place,
}

/// What the `.json` member of a sample says besides its keypoints.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) group: Option<String>,
    pub(super) face_box: Option<FaceBox>,
    pub(super) attributes: Vec<String>,
}

#[derive(Debug)]
enum Place {
    Json,
    Npy,
    /// The line of each keypoint.
    Pts(Vec<u64>),
}

impl Labels {
    /// The labels of a `.json` member, if it has the field `keypoints`.
    pub(super) fn from_json(
        path: &Path,
        text: &[u8],
    ) -> Result<(Option<Self>, Details), DataError> {
        let record: Record = Document::new(path, text)?.top_level()?;
        let details = Details {
            group: match record.group {
                None | Some(Value::Null) => None,
                Some(Value::String(group)) => Some(group),
                Some(Value::Number(group)) => Some(group.to_string()),
                Some(other) => {
                    let expected = "a text or a number";
                    return Err(syntax(path, "`group`", expected, &other));
                }
            },
            face_box: face_box_of_json(record.bbox.as_ref()),
            attributes: record.attributes.unwrap_or_default(),
        };
        let Some(list) = record.keypoints else {
            return Ok((None, details));
        };
        let labels = Self {
            keypoints: keypoints(path, &list)?,
            names: record.keypoint_names,
            path: path.to_owned(),
            place: Place::Json,
        };
        Ok((Some(labels), details))
    }

    /// The labels of a `.pts` member.
    pub(super) fn from_pts(path: &Path, text: &[u8]) -> Result<Self, DataError> {
        let file = PtsFile::parse(path, text)?;
        Ok(Self {
            keypoints: file.keypoints,
            names: None,
            path: path.to_owned(),
            place: Place::Pts(file.rows),
        })
    }

    /// The labels of a `.npy` member.
    pub(super) fn from_npy(path: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        Ok(Self {
            keypoints: npy::keypoints(path, bytes)?,
            names: None,
            path: path.to_owned(),
            place: Place::Npy,
        })
    }

    /// An error in the list of keypoints as a whole.
    pub(super) fn error(&self, error: AnnotationError) -> DataError {
        DataError::invalid(&self.path, 1, "the keypoints", error)
    }

    /// An error in a coordinate of the keypoint at this position in the file. `text` makes the
    /// error for the coordinate as it is written.
    pub(super) fn coordinate_error(
        &self,
        position: usize,
        axis: usize,
        value: f32,
        error: impl Fn(String) -> AnnotationError,
    ) -> DataError {
        let column = ["x", "y"][axis];
        match &self.place {
            Place::Json => {
                let column = format!("`keypoints[{position}]`, {column}");
                DataError::invalid(&self.path, 1, column, error(value.to_string()))
            }
            Place::Npy => {
                let row = position as u64 + 1;
                DataError::invalid(&self.path, row, column, error(value.to_string()))
            }
            Place::Pts(rows) => {
                // The file counts from 1; without the rounding error of `f32`.
                let written = ((f64::from(value) + 1.0) * 1e3).round() / 1e3;
                let row = rows.get(position).copied().unwrap_or(1);
                DataError::invalid(&self.path, row, column, error(written.to_string()))
            }
        }
    }
}

#[derive(Deserialize)]
struct Record {
    keypoints: Option<Vec<Value>>,
    keypoint_names: Option<Vec<String>>,
    bbox: Option<Value>,
    group: Option<Value>,
    attributes: Option<Vec<String>>,
}

/// Lists of two or three numbers, `null` for a keypoint without a label, or the numbers of all
/// keypoints in one list, three each.
fn keypoints(path: &Path, list: &[Value]) -> Result<Vec<Keypoint>, DataError> {
    if list.first().is_some_and(Value::is_number) {
        let (triples, rest) = list.as_chunks::<3>();
        if !rest.is_empty() {
            let error = AnnotationError::Syntax {
                expected: "three numbers x, y, v for each keypoint",
                found: format!("{} numbers", list.len()),
            };
            return Err(DataError::invalid(path, 1, "`keypoints`", error));
        }
        let triples = triples.iter().enumerate();
        return triples
            .map(|(index, triple)| keypoint(path, index, triple))
            .collect();
    }
    let keypoints = list.iter().enumerate();
    keypoints
        .map(|(index, value)| match value {
            Value::Null => Ok(Keypoint::unlabeled()),
            Value::Array(numbers) => keypoint(path, index, numbers),
            other => {
                let expected = "[x, y], [x, y, v] or null";
                Err(syntax(
                    path,
                    &format!("`keypoints[{index}]`"),
                    expected,
                    other,
                ))
            }
        })
        .collect()
}

fn keypoint(path: &Path, index: usize, numbers: &[Value]) -> Result<Keypoint, DataError> {
    let field = format!("`keypoints[{index}]`");
    let invalid = |error| DataError::invalid(path, 1, field.clone(), error);
    let number = |value: &Value| {
        let number = value.as_f64();
        number.ok_or_else(|| syntax(path, &field, "a number", value))
    };
    let (x, y, flag) = match numbers {
        [Value::Null, Value::Null] => return Ok(Keypoint::unlabeled()),
        [x, y] => (x, y, 2.0),
        [x, y, flag] => (x, y, number(flag)?),
        _ => {
            let error = AnnotationError::Syntax {
                expected: "two or three numbers",
                found: format!("{}", numbers.len()),
            };
            return Err(invalid(error));
        }
    };
    let visibility = visibility(index, flag).map_err(invalid)?;
    if visibility == Visibility::Unlabeled {
        return Ok(Keypoint::unlabeled());
    }
    let checked = |value: &Value| {
        let value = number(value)?;
        checked_coordinate(value, || value.to_string()).map_err(invalid)
    };
    Ok(Keypoint {
        x: checked(x)? as f32,
        y: checked(y)? as f32,
        visibility,
    })
}

fn syntax(path: &Path, field: &str, expected: &'static str, found: &Value) -> DataError {
    let found = format!("`{}`", shortened(found.to_string().as_bytes()));
    DataError::invalid(path, 1, field, AnnotationError::Syntax { expected, found })
}
