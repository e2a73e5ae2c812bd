//! What a data set has: samples, image sizes, labels, groups and parts.

use super::scan::{Scanned, ScannedImage};
use crate::PredefinedSplit;
use fkp_core::{Schema, Visibility};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The middle and the ends of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The smallest value.
    pub min: f64,
    /// The quantile at 5 %.
    pub p5: f64,
    /// The median.
    pub median: f64,
    /// The quantile at 95 %.
    pub p95: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Of these values; `None` if there are none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |fraction: f64| {
            let last = sorted.len().checked_sub(1)?;
            sorted
                .get((fraction * last as f64).round() as usize)
                .copied()
        };
        Some(Self {
            min: at(0.0)?,
            p5: at(0.05)?,
            median: at(0.5)?,
            p95: at(0.95)?,
            max: at(1.0)?,
        })
    }
}

/// The sizes of images in pixels, each image counted once.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sizes {
    /// Widths.
    pub width: Spread,
    /// Heights.
    pub height: Spread,
    /// Number of distinct sizes.
    pub distinct: usize,
    /// The most frequent sizes, at most ten: width, height and number of images.
    pub most_frequent: Vec<(usize, usize, usize)>,
    /// The longer side of each image, in the order of the images.
    #[serde(skip)]
    pub longer_sides: Vec<usize>,
}

/// How often a keypoint has which visibility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeypointCounts {
    /// Name of the keypoint.
    pub keypoint: String,
    /// Labeled and visible.
    pub visible: usize,
    /// Labeled and occluded.
    pub occluded: usize,
    /// Labeled and outside the image.
    pub outside: usize,
    /// Not labeled.
    pub unlabeled: usize,
}

impl KeypointCounts {
    /// Number of samples with a label.
    pub fn labeled(&self) -> usize {
        self.visible + self.occluded + self.outside
    }
}

/// Samples with labels for the same keypoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pattern {
    /// Number of samples.
    pub samples: usize,
    /// The labeled keypoints.
    pub labeled: Vec<String>,
    /// The keypoints without a label.
    pub missing: Vec<String>,
    #[serde(skip)]
    pub(super) is_labeled: Vec<bool>,
}

/// The groups of samples, such as persons, where they are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Groups {
    /// Number of groups.
    pub groups: usize,
    /// Samples of a group.
    pub samples_per_group: Spread,
    /// Samples without a group.
    pub ungrouped: usize,
}

/// The predefined split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SplitCounts {
    /// The files or folders of the two parts.
    pub files: [String; 2],
    /// Number of training samples.
    pub train: usize,
    /// Number of validation samples.
    pub val: usize,
    /// The groups that are in both parts.
    pub groups_in_both: Vec<String>,
}

/// The boxes of a data set for face detection.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BoxCounts {
    /// Number of boxes of faces.
    pub faces: usize,
    /// Number of boxes to ignore.
    pub ignored: usize,
    /// Number of images without a face.
    pub images_without: usize,
    /// Faces of an image.
    pub faces_per_image: Spread,
    /// √(width · height) of the faces in pixels; `None` without a face.
    pub side_px: Option<Spread>,
}

/// An image that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unreadable {
    /// Index of the sample in [`crate::OpenedDataset::complete`].
    pub index: usize,
    /// Its id.
    pub id: String,
    /// The error.
    pub error: String,
}

pub(super) fn sizes(samples: &[Scanned]) -> Option<Sizes> {
    let mut seen = BTreeSet::new();
    let first_of_image = samples
        .iter()
        .filter(|sample| seen.insert(sample.origin.image));
    let sizes: Vec<(usize, usize)> = first_of_image.filter_map(Scanned::size).collect();
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for size in &sizes {
        *counts.entry(*size).or_default() += 1;
    }
    let counts = counts.into_iter();
    let mut most_frequent: Vec<_> = counts.map(|((w, h), count)| (w, h, count)).collect();
    most_frequent.sort_by_key(|&(.., count)| std::cmp::Reverse(count));
    let distinct = most_frequent.len();
    most_frequent.truncate(10);
    Some(Sizes {
        width: Spread::of(sizes.iter().map(|size| size.0 as f64))?,
        height: Spread::of(sizes.iter().map(|size| size.1 as f64))?,
        distinct,
        most_frequent,
        longer_sides: sizes.iter().map(|size| size.0.max(size.1)).collect(),
    })
}

pub(super) fn keypoint_counts(samples: &[Scanned], schema: &Schema) -> Vec<KeypointCounts> {
    let counts = schema.keypoints().iter().enumerate().map(|(index, name)| {
        let mut counts = KeypointCounts {
            keypoint: name.clone(),
            visible: 0,
            occluded: 0,
            outside: 0,
            unlabeled: 0,
        };
        for sample in samples {
            *match sample.keypoints[index].visibility {
                Visibility::Visible => &mut counts.visible,
                Visibility::Occluded => &mut counts.occluded,
                Visibility::OutOfFrame => &mut counts.outside,
                Visibility::Unlabeled => &mut counts.unlabeled,
            } += 1;
        }
        counts
    });
    counts.collect()
}

/// The distinct sets of labeled keypoints, the most frequent first.
pub(super) fn patterns(samples: &[Scanned], schema: &Schema) -> Vec<Pattern> {
    let mut counts: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for sample in samples {
        let labeled = sample.keypoints.iter().map(|p| p.is_labeled()).collect();
        *counts.entry(labeled).or_default() += 1;
    }
    let names = |is_labeled: &[bool], wanted: bool| {
        let named = schema.keypoints().iter().zip(is_labeled);
        let wanted = named.filter(|(_, is_labeled)| **is_labeled == wanted);
        wanted.map(|(name, _)| name.clone()).collect()
    };
    let patterns = counts.into_iter().map(|(is_labeled, samples)| Pattern {
        samples,
        labeled: names(&is_labeled, true),
        missing: names(&is_labeled, false),
        is_labeled,
    });
    let mut patterns: Vec<Pattern> = patterns.collect();
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.samples));
    patterns
}

pub(super) fn groups(samples: &[Scanned]) -> Option<Groups> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for group in samples.iter().filter_map(|sample| sample.group.as_deref()) {
        *counts.entry(group).or_default() += 1;
    }
    Some(Groups {
        groups: counts.len(),
        samples_per_group: Spread::of(counts.values().map(|count| *count as f64))?,
        ungrouped: samples
            .iter()
            .filter(|sample| sample.group.is_none())
            .count(),
    })
}

pub(super) fn split_counts(samples: &[Scanned], split: &PredefinedSplit) -> SplitCounts {
    let groups = |indices: &[usize]| -> BTreeSet<&str> {
        let groups = indices.iter().map(|index| samples[*index].group.as_deref());
        groups.flatten().collect()
    };
    let (train, val) = (&split.indices.train, &split.indices.val);
    let (train_groups, val_groups) = (groups(train), groups(val));
    let both = train_groups.intersection(&val_groups);
    SplitCounts {
        files: split.files.map(str::to_owned),
        train: train.len(),
        val: val.len(),
        groups_in_both: both.map(|group| (*group).to_owned()).collect(),
    }
}

/// `None` for a data set of keypoints.
pub(super) fn box_counts(samples: &[Scanned], schema: &Schema) -> Option<BoxCounts> {
    if !schema.is_empty() {
        return None;
    }
    let faces = |sample: &Scanned| {
        let boxes = sample.boxes.iter().filter(|label| !label.ignore);
        boxes
            .map(|label| label.bounds.mean_side())
            .collect::<Vec<f64>>()
    };
    let per_image: Vec<Vec<f64>> = samples.iter().map(faces).collect();
    let boxes: usize = samples.iter().map(|sample| sample.boxes.len()).sum();
    let count: usize = per_image.iter().map(Vec::len).sum();
    Some(BoxCounts {
        faces: count,
        ignored: boxes - count,
        images_without: per_image.iter().filter(|faces| faces.is_empty()).count(),
        faces_per_image: Spread::of(per_image.iter().map(|faces| faces.len() as f64))?,
        side_px: Spread::of(per_image.into_iter().flatten()),
    })
}

pub(super) fn unreadable(samples: &[Scanned]) -> Vec<Unreadable> {
    let failed = samples.iter().enumerate();
    let failed = failed.filter_map(|(index, sample)| match &sample.image {
        ScannedImage::Unreadable(error) => Some(Unreadable {
            index,
            id: sample.id.clone(),
            error: error.clone(),
        }),
        _ => None,
    });
    failed.collect()
}
