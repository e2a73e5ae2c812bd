//! Labels that are probably wrong: outside the image, left and right exchanged, far from where the
//! shape of the other labels has them.

use super::alignment::{Aligned, MIN_LABELS, MeanShape, Point, labeled, length, median};
use super::scan::Scanned;
use fkp_core::{Schema, Visibility};
use serde::Serialize;
use std::fmt;

/// Left and right are exchanged where the labels are on average this much nearer to the mean shape
/// after the exchange.
const SWAP_RATIO: f64 = 0.5;

/// A single pair is exchanged where its two labels are this much nearer to their places after the
/// exchange.
const PAIR_RATIO: f64 = 0.3;

/// An exchanged pair is at least this far from its places, in standard deviations.
const PAIR_DISTANCE: f64 = 4.0;

/// Labels that are less outside, in pixels, are rounded ones at the edge.
const MIN_OUTSIDE: f64 = 0.5;

/// A sample whose labels are probably wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suspect {
    /// Index of the sample in [`crate::OpenedDataset::complete`].
    pub index: usize,
    /// Its id.
    pub id: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is probably wrong with labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// Labels are outside the image, by half a pixel or more.
    Outside {
        /// The keypoints, with the distance to the image in pixels.
        keypoints: Vec<FarKeypoint>,
    },
    /// Left and right of all labeled pairs are exchanged, or the image was mirrored without its
    /// labels.
    LeftRight {
        /// Mean distance of the labels from the mean shape, relative to that after the exchange.
        ratio: f64,
    },
    /// The labels of single pairs are exchanged.
    Pairs {
        /// The names of the keypoints of each pair.
        pairs: Vec<[String; 2]>,
    },
    /// Labels are far from their places in the mean shape, as the other labels have it.
    Outliers {
        /// The keypoints, with the distance in standard deviations of this keypoint.
        keypoints: Vec<FarKeypoint>,
    },
    /// Most labels are far from their places in the mean shape: it is another shape.
    Shape {
        /// Number of keypoints that are far.
        far: usize,
        /// Number of labeled keypoints.
        labeled: usize,
    },
}

/// A keypoint that is far from where it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FarKeypoint {
    /// Name of the keypoint.
    pub keypoint: String,
    /// How far, in the unit of the problem.
    pub distance: f64,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside { keypoints } => {
                write!(f, "outside the image: ")?;
                list(f, keypoints, |k| {
                    format!("{} by {:.1} px", k.keypoint, k.distance)
                })
            }
            Self::LeftRight { ratio } => write!(
                f,
                "left and right exchanged: the shape fits {ratio:.1} times better when swapped"
            ),
            Self::Pairs { pairs } => {
                write!(f, "exchanged: ")?;
                list(f, pairs, |[a, b]| format!("{a} and {b}"))
            }
            Self::Outliers { keypoints } => {
                write!(f, "far from the mean shape: ")?;
                list(f, keypoints, |k| {
                    format!("{} by {:.0} sd", k.keypoint, k.distance)
                })
            }
            Self::Shape { far, labeled } => write!(
                f,
                "another shape: {far} of {labeled} keypoints are far from the mean shape"
            ),
        }
    }
}

/// The first three of a list.
fn list<T>(f: &mut fmt::Formatter<'_>, all: &[T], text: impl Fn(&T) -> String) -> fmt::Result {
    let shown: Vec<String> = all.iter().take(3).map(text).collect();
    f.write_str(&shown.join(", "))?;
    match all.len().saturating_sub(shown.len()) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// The suspects of a data set, and how each sample is aligned to the mean shape.
pub(super) fn find_suspects(
    samples: &[Scanned],
    schema: &Schema,
    shape: Option<&MeanShape>,
    max_distance: f64,
) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    let typical = shape.map(|shape| typical_distance(samples, shape));
    for (index, sample) in samples.iter().enumerate() {
        let mut problems = Vec::new();
        problems.extend(outside(sample, schema));
        if let (Some(shape), Some(typical)) = (shape, typical) {
            problems.extend(misplaced(sample, schema, shape, typical, max_distance));
        }
        suspects.extend(problems.into_iter().map(|problem| Suspect {
            index,
            id: sample.id.clone(),
            problem,
        }));
    }
    suspects
}

/// The median over the samples of their mean distance from the mean shape.
fn typical_distance(samples: &[Scanned], shape: &MeanShape) -> f64 {
    let aligned = samples
        .iter()
        .filter_map(|sample| shape.align(&labeled(&sample.keypoints)));
    let mut distances: Vec<f64> = aligned.map(|aligned| aligned.mean_distance()).collect();
    median(&mut distances).unwrap_or_default()
}

fn outside(sample: &Scanned, schema: &Schema) -> Option<Problem> {
    let (width, height) = sample.size()?;
    let beyond = |value: f32, side: usize| {
        let (value, end) = (f64::from(value), side as f64 - 0.5);
        (-0.5 - value).max(value - end).max(0.0)
    };
    let labeled = sample.keypoints.labeled();
    let outside = labeled.filter(|(_, p)| p.visibility == Visibility::OutOfFrame);
    let keypoints: Vec<FarKeypoint> = outside
        .map(|(index, p)| FarKeypoint {
            keypoint: schema.keypoints()[index].clone(),
            distance: length([beyond(p.x, width), beyond(p.y, height)]),
        })
        .filter(|far| far.distance >= MIN_OUTSIDE)
        .collect();
    (!keypoints.is_empty()).then_some(Problem::Outside { keypoints })
}

fn misplaced(
    sample: &Scanned,
    schema: &Schema,
    shape: &MeanShape,
    typical: f64,
    max_distance: f64,
) -> Vec<Problem> {
    let labels = labeled(&sample.keypoints);
    let Some(aligned) = shape.align(&labels) else {
        return Vec::new();
    };
    if let Some(ratio) = left_right(&labels, schema, shape, &aligned, typical) {
        return vec![Problem::LeftRight { ratio }];
    }
    let mut problems = Vec::new();
    let pairs = exchanged_pairs(&labels, schema, shape, &aligned);
    let name = |index: usize| schema.keypoints()[index].clone();
    let is_exchanged = |index: usize| pairs.iter().any(|&(a, b)| a == index || b == index);
    let distance =
        |(index, residual): &(usize, Point)| (*index, length(*residual) / shape.deviations[*index]);
    let distances = aligned.residuals.iter().map(distance);
    let mut far: Vec<(usize, f64)> = distances
        .filter(|(index, distance)| *distance > max_distance && !is_exchanged(*index))
        .collect();
    far.sort_by(|a, b| b.1.total_cmp(&a.1));
    let count = aligned.residuals.len();
    if 2 * far.len() > count {
        let far = far.len();
        problems.push(Problem::Shape {
            far,
            labeled: count,
        });
    } else if !far.is_empty() {
        let keypoints = far.into_iter().map(|(index, distance)| FarKeypoint {
            keypoint: name(index),
            distance,
        });
        let keypoints = keypoints.collect();
        problems.push(Problem::Outliers { keypoints });
    }
    if !pairs.is_empty() {
        let pairs = pairs.into_iter().map(|(a, b)| [name(a), name(b)]);
        let pairs = pairs.collect();
        problems.push(Problem::Pairs { pairs });
    }
    problems
}

/// How many times nearer to the mean shape the labels are with the flip pairs exchanged, if that is
/// clear. A shape that is far from the mean either way, such as a profile, is no evidence.
fn left_right(
    labels: &[(usize, Point)],
    schema: &Schema,
    shape: &MeanShape,
    aligned: &Aligned,
    typical: f64,
) -> Option<f64> {
    let partner = |index: usize| {
        let pairs = schema.flip_pairs().iter();
        let pair = pairs.copied().find(|&(a, b)| a == index || b == index);
        pair.map_or(index, |(a, b)| a + b - index)
    };
    let is_pair =
        |index: usize| partner(index) != index && labels.iter().any(|(i, _)| *i == partner(index));
    if labels.len() < MIN_LABELS || !labels.iter().any(|(index, _)| is_pair(*index)) {
        return None;
    }
    let swapped: Vec<(usize, Point)> = labels.iter().map(|&(i, at)| (partner(i), at)).collect();
    let (before, after) = (
        aligned.mean_distance(),
        shape.align(&swapped)?.mean_distance(),
    );
    let is_clear = after < SWAP_RATIO * before && before > 2.0 * typical;
    is_clear.then(|| before / after.max(1e-9))
}

/// The flip pairs both of whose labels are where the other's should be.
fn exchanged_pairs(
    labels: &[(usize, Point)],
    schema: &Schema,
    shape: &MeanShape,
    aligned: &Aligned,
) -> Vec<(usize, usize)> {
    let place = |index: usize| {
        let label = labels.iter().find(|(i, _)| *i == index)?;
        Some((aligned.apply(label.1), shape.points[index]?))
    };
    let distance = |a: Point, b: Point| length([a[0] - b[0], a[1] - b[1]]);
    let pairs = schema.flip_pairs().iter().copied();
    pairs
        .filter(|&(a, b)| {
            let Some(((at_a, mean_a), (at_b, mean_b))) = place(a).zip(place(b)) else {
                return false;
            };
            let before = [distance(at_a, mean_a), distance(at_b, mean_b)];
            let after = [distance(at_a, mean_b), distance(at_b, mean_a)];
            let far = |at: f64, index: usize| at > PAIR_DISTANCE * shape.deviations[index];
            far(before[0], a)
                && far(before[1], b)
                && after.iter().sum::<f64>() < PAIR_RATIO * before.iter().sum::<f64>()
        })
        .collect()
}
