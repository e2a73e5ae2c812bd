//! The keypoints of a LabelMe data set, which only the labels of its shapes name.

use super::document::{LabelMeFile, LabeledPoint};
use crate::DataError;
use crate::error::{AnnotationError, listed, shortened};
use crate::schema::{FileSchema, SchemaSource};
use fkp_core::{Keypoints, Schema};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest number of keypoints, labeled or not, over all faces. Labels that differ from face to
/// face would otherwise take memory of the square of their number.
const MAX_KEYPOINTS: u64 = 1 << 27;

/// The schema of a data set, and the index of each label in it.
pub(super) struct LabelSchema {
    pub(super) schema: Schema,
    pub(super) source: SchemaSource,
    indices: BTreeMap<String, usize>,
}

impl LabelSchema {
    /// The schema of the labels of all files, or the given one, which must have all labels.
    pub(super) fn new(
        path: &Path,
        files: &[LabelMeFile],
        given: Option<&Schema>,
    ) -> Result<Self, DataError> {
        let labels = labels(files);
        let faces: usize = files.iter().map(|file| file.faces.len()).sum();
        let found = faces as u64 * given.map_or(labels.len(), Schema::len) as u64;
        if found > MAX_KEYPOINTS {
            let error = AnnotationError::LimitExceeded {
                what: "keypoints (different labels times faces)",
                found,
                limit: MAX_KEYPOINTS,
            };
            return Err(DataError::invalid(path, 1, "the labels", error));
        }
        if let Some(schema) = given {
            let indices = indices_in(schema, files, &labels)?;
            return Ok(Self {
                schema: schema.clone(),
                source: SchemaSource::Given,
                indices,
            });
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let found = FileSchema::from_names(path, &name, &labels, &[])?;
        let order = found.order.iter().enumerate();
        Ok(Self {
            indices: order
                .map(|(index, label)| (labels[*label].clone(), index))
                .collect(),
            schema: found.schema,
            source: found.source,
        })
    }

    /// The keypoints of a face in the order of the schema. A label that the face lacks is an
    /// unlabeled keypoint.
    pub(super) fn keypoints(&self, points: &[LabeledPoint]) -> Keypoints {
        let mut keypoints = Keypoints::unlabeled(self.schema.len());
        for point in points {
            if let Some(&index) = self.indices.get(&point.label) {
                keypoints[index] = point.keypoint;
            }
        }
        keypoints
    }

    /// The shape of the keypoint with this index.
    pub(super) fn point<'p>(
        &self,
        points: &'p [LabeledPoint],
        keypoint: usize,
    ) -> Option<&'p LabeledPoint> {
        let mut points = points.iter();
        points.find(|point| self.indices.get(&point.label) == Some(&keypoint))
    }
}

/// The labels of all faces: in the order of the face that has most of them, then the others.
fn labels(files: &[LabelMeFile]) -> Vec<String> {
    let faces = || files.iter().flat_map(|file| &file.faces);
    // The first of the largest: `max_by_key` takes the last.
    let most = faces().rev().max_by_key(|face| face.points.len());
    let mut known = BTreeMap::new();
    let mut labels: Vec<String> = Vec::new();
    for point in most
        .into_iter()
        .chain(faces())
        .flat_map(|face| &face.points)
    {
        if known.insert(point.label.as_str(), ()).is_none() {
            labels.push(point.label.clone());
        }
    }
    labels
}

/// The index of each label in a given schema: by name, or by number if its keypoints have other
/// names and the labels are numbers from 0 or from 1.
fn indices_in(
    schema: &Schema,
    files: &[LabelMeFile],
    labels: &[String],
) -> Result<BTreeMap<String, usize>, DataError> {
    let by_name = |label: &String| schema.keypoints().iter().position(|name| name == label);
    let first = match () {
        () if labels.iter().any(|label| label == "0") => Some(0),
        () if labels
            .iter()
            .any(|label| *label == schema.len().to_string()) =>
        {
            Some(1)
        }
        () => None,
    };
    let by_number = |label: &String| {
        let index = label.parse::<usize>().ok()?.checked_sub(first?)?;
        (index < schema.len()).then_some(index)
    };
    let all = |index: &dyn Fn(&String) -> Option<usize>| -> Option<BTreeMap<String, usize>> {
        let labels = labels.iter();
        labels
            .map(|label| Some((label.clone(), index(label)?)))
            .collect()
    };
    if let Some(indices) = all(&by_name).or_else(|| all(&by_number)) {
        return Ok(indices);
    }
    let points = files.iter().flat_map(|file| {
        let faces = file.faces.iter();
        faces.flat_map(move |face| face.points.iter().map(move |point| (file, point)))
    });
    let mut unknown = points.filter(|(_, point)| by_name(&point.label).is_none());
    match unknown.next() {
        Some((file, point)) => {
            let error = AnnotationError::UnknownKeypoint {
                name: shortened(point.label.as_bytes()),
                schema: schema.name().to_owned(),
            };
            Err(point.error(file, error))
        }
        None => Ok(BTreeMap::new()),
    }
}

/// A note on labels of very few faces, which may be misspelled.
pub(super) fn note_on_rare_labels(files: &[LabelMeFile]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let faces: Vec<_> = files.iter().flat_map(|file| &file.faces).collect();
    for point in faces.iter().flat_map(|face| &face.points) {
        *counts.entry(&point.label).or_default() += 1;
    }
    let rare = counts
        .iter()
        .filter(|(_, count)| 20 * **count < faces.len());
    let rare: Vec<_> = rare
        .map(|(label, count)| format!("`{}` ({count})", shortened(label.as_bytes())))
        .collect();
    (!rare.is_empty()).then(|| {
        format!(
            "labels of fewer than a twentieth of the {} faces, which may be misspelled: {}",
            faces.len(),
            listed(rare)
        )
    })
}
