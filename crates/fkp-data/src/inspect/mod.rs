//! Inspecting data sets before training: what they have, copies, suspicious labels, labeling rules.
//!
//! [`inspect()`] reads every sample once. Its result is printed as a report, serialized as JSON, or
//! turned into [`Corrections`](crate::Corrections).

mod alignment;
mod contents;
mod copies;
mod fix;
mod identity;
mod inspection;
mod perceptual;
mod position;
mod rules;
mod scan;
mod suspects;
mod text;

pub use contents::{
    BoxCounts, Groups, KeypointCounts, Pattern, Sizes, SplitCounts, Spread, Unreadable,
};
pub use copies::{Compared, CopyGroup, CopyKind, NearPair, Part, SampleRef};
pub use inspection::{Inspection, SetInspection};
pub use position::{FacePositions, KeypointPlace, ShapeStatistics};
pub use rules::{Frame, LabeledGroup, PositionDifference, RuleDifference};
pub use suspects::{FarKeypoint, Problem, Suspect};

use crate::{DataError, OpenedDataset, Progress};
use alignment::{MeanShape, labeled};
use copies::{SearchedSet, find_copies};
use fkp_core::Dataset;
use rayon::prelude::*;
use scan::{Counter, Scanned, scan};

/// What counts as a finding. The defaults are for faces.
#[derive(Debug, Clone)]
pub struct InspectOptions {
    /// Images are near copies from this correlation of their gray versions of 32×32 pixels on, from
    /// 0 to 1.
    pub min_correlation: f64,
    /// A label is an outlier from this distance from its place in the mean shape on, in standard
    /// deviations of the keypoint (by the median absolute deviation), positive.
    pub max_distance: f64,
    /// Two groups of samples have different labeling rules from this effect size (Cohen's d) on,
    /// positive. Cohen calls 0.8 large.
    pub min_effect: f64,
    /// What to call while images are read.
    pub progress: Progress,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            min_correlation: 0.97,
            max_distance: 7.0,
            min_effect: 0.8,
            progress: Progress::default(),
        }
    }
}

impl InspectOptions {
    fn validate(&self) -> Result<(), DataError> {
        let correlation = self.min_correlation;
        for (field, given, is_valid, allowed) in [
            (
                "min_correlation",
                correlation,
                correlation > 0.0 && correlation <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "max_distance",
                self.max_distance,
                self.max_distance > 0.0 && self.max_distance.is_finite(),
                "finite and positive",
            ),
            (
                "min_effect",
                self.min_effect,
                self.min_effect > 0.0 && self.min_effect.is_finite(),
                "finite and positive",
            ),
        ] {
            if !is_valid {
                return Err(DataError::InvalidInspectOption {
                    field,
                    allowed,
                    given,
                });
            }
        }
        Ok(())
    }
}

/// Reads all samples of the data sets ([`OpenedDataset::complete`]) in parallel and inspects them.
///
/// Images of the data sets are compared with each other, also across data sets. An image that cannot
/// be read is listed in [`SetInspection::unreadable`]. A table of labels without images
/// ([`crate::MissingImages::LabelsOnly`]) has no sizes and no copies.
///
/// Labels are aligned to the mean shape of their data set by a similarity transform. A label is an
/// outlier if it is [`InspectOptions::max_distance`] from its place. Left and right are exchanged if
/// the labels are on average half as far from the mean shape after the exchange of the flip pairs.
///
/// # Errors
/// If an option is invalid.
pub fn inspect(sets: &[&OpenedDataset], options: &InspectOptions) -> Result<Inspection, DataError> {
    options.validate()?;
    let total = sets.iter().map(|set| set.complete.len()).sum();
    let counter = Counter::new(&options.progress, total);
    let scanned: Vec<Vec<Scanned>> = sets.iter().map(|set| scan(set, &counter)).collect();
    let searched: Vec<SearchedSet<'_>> = sets
        .iter()
        .zip(&scanned)
        .map(|(set, samples)| SearchedSet {
            samples,
            parts: parts(set),
        })
        .collect();
    let copies = find_copies(&searched, options.min_correlation);
    let inspected = sets.par_iter().zip(&scanned);
    Ok(Inspection {
        sets: inspected
            .map(|(set, samples)| inspect_set(set, samples, options))
            .collect(),
        copies,
    })
}

/// The part of each sample in the predefined split.
fn parts(set: &OpenedDataset) -> Vec<Option<Part>> {
    let mut parts = vec![None; set.complete.len()];
    if let Some(split) = &set.predefined_split {
        let (train, val) = (&split.indices.train, &split.indices.val);
        train
            .iter()
            .for_each(|index| parts[*index] = Some(Part::Train));
        val.iter().for_each(|index| parts[*index] = Some(Part::Val));
    }
    parts
}

fn inspect_set(
    set: &OpenedDataset,
    samples: &[Scanned],
    options: &InspectOptions,
) -> SetInspection {
    let schema = set.complete.schema();
    let labels: Vec<_> = samples.iter().map(|s| labeled(&s.keypoints)).collect();
    let shape = MeanShape::estimate(schema.len(), &labels);
    let images = set.summary(&[("", &(0..samples.len()).collect::<Vec<_>>())]);
    let patterns = contents::patterns(samples, schema);
    let max_distance = options.max_distance;
    let statistics = shape
        .as_ref()
        .map(|shape| position::shape_statistics(samples, schema, shape, max_distance));
    SetInspection {
        path: set.path.display().to_string(),
        format: set.format.name().to_owned(),
        schema: schema.name().to_owned(),
        samples: samples.len(),
        images: images.parts[0].images,
        notes: set.notes.clone(),
        sizes: contents::sizes(samples),
        unreadable: contents::unreadable(samples),
        keypoints: contents::keypoint_counts(samples, schema),
        groups: contents::groups(samples),
        split: set
            .predefined_split
            .as_ref()
            .map(|split| contents::split_counts(samples, split)),
        boxes: contents::box_counts(samples, schema),
        positions: position::face_positions(samples, shape.as_ref()),
        shape: statistics,
        rules: rules::find_rules(samples, schema, &patterns, options.min_effect),
        suspects: suspects::find_suspects(samples, schema, shape.as_ref(), max_distance),
        identities: identity::identities(samples),
        patterns,
    }
}

#[cfg(test)]
mod tests;
