//! Faces whose keypoints are listed by name, on their way from an annotation file to a data set.

use super::reader::ReadOptions;
use crate::DataError;
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::AnnotationError;
use crate::schema::{FileSchema, SchemaSource};
use crate::split::{PredefinedSplit, SplitIndices};
use fkp_core::{FaceBox, Keypoint, Keypoints, Schema};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest number of keypoints of a schema that a file may define.
pub(super) const MAX_KEYPOINTS: usize = 2048;

/// The largest number of keypoints of all samples. A face lists only the keypoints that it has, but a
/// sample has all of its schema.
const MAX_TOTAL: usize = 1 << 27;

/// A face.
#[derive(Debug, Default)]
pub(super) struct NamedFace {
    pub(super) id: String,
    pub(super) image: PathBuf,
    face_box: Option<FaceBox>,
    keypoints: Vec<Listed>,
}

/// A keypoint of a face.
#[derive(Debug)]
struct Listed {
    /// Which of the names.
    name: usize,
    keypoint: Keypoint,
    /// Its line in the file.
    row: u64,
}

impl NamedFace {
    /// A face of an image, without keypoints so far.
    pub(super) fn new(id: String, image: PathBuf, face_box: Option<FaceBox>) -> Self {
        Self {
            id,
            image,
            face_box,
            keypoints: Vec::new(),
        }
    }

    /// Whether a keypoint has a label.
    pub(super) fn is_labeled(&self) -> bool {
        self.keypoints
            .iter()
            .any(|listed| listed.keypoint.is_labeled())
    }
}

/// The names of the keypoints of all faces.
#[derive(Debug, Default)]
pub(super) struct KeypointNames {
    names: Vec<String>,
    indices: BTreeMap<String, usize>,
    /// The last face that has each keypoint, and the line.
    last: Vec<Option<(usize, u64)>>,
}

impl KeypointNames {
    /// The index of a name, which is added if it is new. Numbers with leading zeros, as imglab writes
    /// them, are the numbers without.
    pub(super) fn index_of(&mut self, name: &str) -> Result<usize, AnnotationError> {
        let name = match name.trim_start_matches('0') {
            _ if !is_number(name) => name,
            "" => "0",
            digits => digits,
        };
        if let Some(&index) = self.indices.get(name) {
            return Ok(index);
        }
        let index = self.names.len();
        if index == MAX_KEYPOINTS {
            return Err(AnnotationError::TooMany {
                what: "names of keypoints",
                limit: MAX_KEYPOINTS,
            });
        }
        self.indices.insert(name.to_owned(), index);
        self.names.push(name.to_owned());
        self.last.push(None);
        Ok(index)
    }
}

/// How the faces of a format become samples.
pub(super) struct Conventions<'a> {
    /// The name of a schema with the names of the file.
    pub(super) schema: &'a str,
    /// Whether the names are sorted, or in the order in which they first occur.
    pub(super) is_sorted: bool,
    /// What the file adds to a coordinate in pixels.
    pub(super) offset: f64,
    /// The field of the x or y of a keypoint of this name, in an error.
    pub(super) column: fn(&str, &str) -> String,
}

/// The faces of one file, or of the two files of a split.
#[derive(Debug, Default)]
pub(super) struct NamedFaces {
    pub(super) names: KeypointNames,
    faces: Vec<NamedFace>,
    /// Counts the faces, with those that were skipped.
    number: usize,
    /// The files, and the number of faces up to the end of each.
    files: Vec<(PathBuf, usize)>,
}

impl NamedFaces {
    /// Adds a keypoint to the face that is pushed next, and returns the index of its name.
    ///
    /// # Errors
    /// If the face has a keypoint of this name already.
    pub(super) fn add(
        &mut self,
        face: &mut NamedFace,
        name: &str,
        keypoint: Keypoint,
        row: u64,
    ) -> Result<usize, AnnotationError> {
        let index = self.names.index_of(name)?;
        match self.names.last[index].replace((self.number, row)) {
            Some((last, first)) if last == self.number => {
                return Err(AnnotationError::Duplicate {
                    name: name.to_owned(),
                    first: format!("row {first}"),
                });
            }
            _ => {}
        }
        face.keypoints.push(Listed {
            name: index,
            keypoint,
            row,
        });
        Ok(index)
    }

    /// Adds a face with at least one keypoint.
    pub(super) fn push(&mut self, face: NamedFace) {
        self.faces.push(face);
        self.number += 1;
    }

    /// Skips a face: keypoints that are added from now on belong to the next one.
    pub(super) fn skip(&mut self) {
        self.number += 1;
    }

    /// Ends a file.
    ///
    /// # Errors
    /// If it has no face.
    pub(super) fn end_file(&mut self, path: &Path) -> Result<(), DataError> {
        let before = self.files.last().map_or(0, |(_, end)| *end);
        self.files.push((path.to_owned(), self.faces.len()));
        match self.faces.len() == before {
            true => Err(DataError::NoSamples {
                path: path.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// The data set of the files. Two of them are a predefined split, whose parts are called `parts`.
    ///
    /// # Errors
    /// If the names are not those of the given schema, or no valid schema, or a label is far outside.
    pub(super) fn into_set(
        self,
        options: &ReadOptions,
        conventions: &Conventions<'_>,
        parts: &'static [&'static str; 2],
    ) -> Result<AnnotatedSet, DataError> {
        let Self {
            names,
            faces,
            files,
            ..
        } = self;
        let path = files.first().map_or(Path::new(""), |(path, _)| path);
        let found = file_schema(path, &names, options.schema.as_ref(), conventions)?;
        let FileSchema { schema, source, .. } = &found;
        if schema.len().saturating_mul(faces.len()) > MAX_TOTAL {
            let what = "keypoints in all samples together";
            let limit = MAX_TOTAL;
            let error = AnnotationError::TooMany { what, limit };
            return Err(DataError::invalid(path, 1, "the file", error));
        }
        // The keypoint of the schema for each name.
        let mut target = vec![0; names.names.len()];
        for (keypoint, index) in found.order.iter().enumerate() {
            if let Some(slot) = target.get_mut(*index) {
                *slot = keypoint;
            }
        }
        let image = |face: &NamedFace| {
            let mut keypoints = Keypoints::unlabeled(schema.len());
            for listed in &face.keypoints {
                keypoints[target[listed.name]] = listed.keypoint;
            }
            AnnotatedImage {
                id: face.id.clone(),
                image: face.image.clone().into(),
                keypoints,
                face_box: face.face_box,
                ..AnnotatedImage::default()
            }
        };
        let mut set = AnnotatedSet {
            schema: schema.clone(),
            schema_source: *source,
            images: faces.iter().map(image).collect(),
            predefined_split: None,
            notes: Vec::new(),
        };
        if let [(_, train), (_, all)] = files.as_slice() {
            set.predefined_split = Some(PredefinedSplit {
                indices: SplitIndices {
                    train: (0..*train).collect(),
                    val: (*train..*all).collect(),
                },
                files: parts,
            });
        }
        let far = options.far_labels;
        far.apply_to_files(&mut set.images, &mut set.notes, |index, far| {
            let file = files.iter().find(|(_, end)| index < *end);
            let mut listed = faces[index].keypoints.iter();
            let listed = listed.find(|listed| target[listed.name] == far.keypoint);
            let name = listed.map_or("", |listed| &names.names[listed.name]);
            // Without the rounding error of `f32`.
            let text = ((f64::from(far.value) + conventions.offset) * 1e3).round() / 1e3;
            DataError::invalid(
                file.map_or(path, |(path, _)| path),
                listed.map_or(1, |listed| listed.row),
                (conventions.column)(name, ["x", "y"][far.axis]),
                far.error(text.to_string()),
            )
        })?;
        set.detect_schema_by_shape();
        Ok(set)
    }
}

/// The schema of the names. A given one may have keypoints that no face has.
fn file_schema(
    path: &Path,
    names: &KeypointNames,
    given: Option<&Schema>,
    conventions: &Conventions<'_>,
) -> Result<FileSchema, DataError> {
    let mut listed = names.names.clone();
    let are_numbers = listed.iter().all(|name| is_number(name));
    let Some(schema) = given else {
        if conventions.is_sorted {
            listed.sort();
        }
        let found = FileSchema::from_names(path, conventions.schema, &listed, &[])?;
        let in_file = |index: &usize| names.indices[&listed[*index]];
        return Ok(FileSchema {
            order: found.order.iter().map(in_file).collect(),
            ..found
        });
    };
    let mismatch = |found| DataError::SchemaMismatch {
        path: path.to_owned(),
        schema: schema.name().to_owned(),
        expected: schema.len(),
        found,
    };
    // A keypoint that no face has gets an index that no face has.
    if are_numbers {
        let counts_from_one = !names.indices.contains_key("0")
            && names.indices.contains_key(&schema.len().to_string());
        let first = usize::from(counts_from_one);
        let number = |i: usize| {
            let index = names.indices.get(&(first + i).to_string());
            index.copied().unwrap_or(usize::MAX)
        };
        let order: Vec<usize> = (0..schema.len()).map(number).collect();
        if order.iter().filter(|index| **index != usize::MAX).count() < listed.len() {
            let largest = listed
                .iter()
                .filter_map(|name| name.parse::<usize>().ok())
                .max();
            return Err(mismatch(
                largest.map_or(listed.len(), |n| n.saturating_add(1 - first)),
            ));
        }
        return Ok(FileSchema {
            schema: schema.clone(),
            order,
            source: SchemaSource::Given,
        });
    }
    if listed.len() > schema.len() {
        return Err(mismatch(listed.len()));
    }
    if let Some(unknown) = listed.iter().find(|name| schema.index_of(name).is_none()) {
        let expected = format!("a keypoint of schema `{}`", schema.name());
        let column = (conventions.column)(unknown, "x");
        let error = AnnotationError::UnknownColumn { expected };
        return Err(DataError::invalid(path, 1, column, error));
    }
    let index = |name: &String| names.indices.get(name).copied().unwrap_or(usize::MAX);
    Ok(FileSchema {
        schema: schema.clone(),
        order: schema.keypoints().iter().map(index).collect(),
        source: SchemaSource::Given,
    })
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}
