//! Applying a filter to a data set.

use super::removed::{Reason, RemovedSamples};
use super::rule::{Duplicates, SampleFilter};
use crate::DataError;
use crate::hashes::{Hashes, for_each_sample};
use fkp_core::{BoundingBox, Dataset, Sample};
use std::collections::BTreeMap;

/// The samples that a filter keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filtered {
    /// The indices of the samples that are kept, in ascending order.
    pub kept: Vec<usize>,
    /// How many were removed, and why.
    pub removed: RemovedSamples,
}

/// The samples of `dataset` that meet all criteria of a filter. All images are decoded once, in
/// parallel. Filter the samples of the source, before crops: sizes are those of its images.
///
/// ```
/// use fkp_core::{Dataset, Image, InMemory, Keypoints, Sample, Schema, Subset};
/// use fkp_data::{Duplicates, SampleFilter, filter};
/// let sample = |value, side| {
///     Sample::new("x", Image::filled(side, side, 1, value), Keypoints::unlabeled(15))
/// };
/// let samples = vec![sample(1, 64), sample(2, 16), sample(1, 64), sample(3, 64)];
/// let set = InMemory::new(Schema::kaggle15(), samples)?;
/// let wanted = SampleFilter {
///     min_image_px: Some(32),
///     duplicates: Duplicates::KeepFirst,
///     ..SampleFilter::default()
/// };
/// let filtered = filter(&set, &wanted)?;
/// let note = "2 of 4 samples removed: 1 by the size of the image, 1 as duplicates";
/// assert_eq!(filtered.removed.to_string(), note);
/// let large = Subset::new(set, filtered.kept)?;
/// assert_eq!(large.indices(), [0, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the filter is invalid, the schema does not have its keypoints, or a sample cannot be read.
pub fn filter<D: Dataset + ?Sized>(
    dataset: &D,
    filter: &SampleFilter,
) -> Result<Filtered, DataError> {
    filter.validate()?;
    let required = filter.required_in(dataset.schema())?;
    let samples = dataset.len();
    let inspected = for_each_sample(dataset, 0..samples, |_, sample| {
        match problem(sample, filter, &required) {
            Some(reason) => Err(reason),
            None => Ok(Shown::by(sample)),
        }
    });
    let mut inspected = inspected.map_err(|source| DataError::Filter { source })?;
    if filter.duplicates == Duplicates::KeepFirst {
        mark_duplicates(&mut inspected);
    }
    let mut removed = RemovedSamples {
        samples,
        ..RemovedSamples::default()
    };
    let mut kept = Vec::new();
    for (index, inspected) in inspected.into_iter().enumerate() {
        match inspected {
            Ok(_) => kept.push(index),
            Err(reason) => removed.count(reason),
        }
    }
    Ok(Filtered { kept, removed })
}

/// The first criterion that a sample does not meet.
fn problem(sample: &Sample, filter: &SampleFilter, required: &[usize]) -> Option<Reason> {
    let has = |name: &String| sample.attributes.contains(name);
    let is_labeled = |index: &usize| sample.keypoints[*index].is_labeled();
    let labeled = || sample.keypoints.labeled().count();
    let (width, height) = sample.image.size();
    let too_small = filter
        .min_image_px
        .is_some_and(|min| width.min(height) < min);
    let too_large = filter
        .max_image_px
        .is_some_and(|max| width.max(height) > max);
    let face_fits = || face_fits(sample, filter.min_face_px, filter.max_face_px);
    let criteria = [
        (
            Reason::MissingKeypoint,
            !sample.is_face || required.iter().all(is_labeled),
        ),
        (
            Reason::FewLabels,
            !sample.is_face || filter.min_labeled.is_none_or(|min| labeled() >= min),
        ),
        (Reason::ImageSize, !too_small && !too_large),
        (Reason::FaceSize, !sample.is_face || face_fits()),
        (
            Reason::Attributes,
            filter.with_attributes.iter().all(has) && !filter.without_attributes.iter().any(has),
        ),
    ];
    let failed = criteria.into_iter().find(|(_, is_met)| !is_met);
    failed.map(|(reason, _)| reason)
}

/// Whether the face of a sample, or all faces of an image with boxes, are within the limits.
fn face_fits(sample: &Sample, min: Option<f64>, max: Option<f64>) -> bool {
    if min.is_none() && max.is_none() {
        return true;
    }
    let fits = |bounds: &BoundingBox| {
        let side = longer_side(bounds);
        min.is_none_or(|min| side >= min) && max.is_none_or(|max| side <= max)
    };
    if sample.keypoints.is_empty() {
        let mut faces = sample.boxes.iter().filter(|face| !face.ignore);
        return faces.all(|face| fits(&face.bounds));
    }
    face_bounds(sample).is_some_and(|bounds| fits(&bounds))
}

/// The box of a sample, or else that of its labeled keypoints.
fn face_bounds(sample: &Sample) -> Option<BoundingBox> {
    let given = sample.face_box.map(|face| face.bounds);
    given.or_else(|| sample.keypoints.bounding_box())
}

fn longer_side(bounds: &BoundingBox) -> f64 {
    bounds.width.max(bounds.height)
}

/// Marks every sample that shows the same as one before it.
fn mark_duplicates(inspected: &mut [Result<Shown, Reason>]) {
    let mut known: BTreeMap<u64, Vec<Shown>> = BTreeMap::new();
    for sample in inspected {
        let Ok(shown) = *sample else { continue };
        let same_image = known.entry(shown.image).or_default();
        match same_image.iter().any(|other| other.is_same_face(&shown)) {
            true => *sample = Err(Reason::Duplicate),
            false => same_image.push(shown),
        }
    }
}

/// What a sample shows: an image, and where its face is, if known.
#[derive(Clone, Copy)]
struct Shown {
    image: u64,
    face: Option<BoundingBox>,
}

impl Shown {
    fn by(sample: &Sample) -> Self {
        Self {
            image: Hashes::of(sample).image,
            face: face_bounds(sample),
        }
    }

    /// Whether the faces of two samples with the same image are the same one. Labels of one face by
    /// two annotators, or for other keypoints, differ.
    fn is_same_face(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (&self.face, &other.face) else {
            return true;
        };
        let ((ax, ay), (bx, by)) = (a.center(), b.center());
        (ax - bx).hypot(ay - by) <= longer_side(a).max(longer_side(b)) / 2.0
    }
}

#[cfg(test)]
mod tests;
