//! Whether groups of samples were labeled by different rules.
//!
//! Samples are grouped by the keypoints that are labeled. Where two groups have a keypoint in
//! common, its mean position should be the same in both. Groups that lack the label of one side only
//! are not compared: they differ in pose.

use super::contents::Pattern;
use super::scan::Scanned;
use fkp_core::Schema;
use serde::Serialize;
use std::fmt;

/// Fewest samples of a group, in samples and as a fraction of the data set.
const MIN_SAMPLES: usize = 30;
const MIN_FRACTION: f64 = 0.01;

/// Most groups that are compared, the largest ones.
const MAX_GROUPS: usize = 8;

/// Most keypoints in a sentence.
const LISTED: usize = 4;

/// The level of significance of all comparisons together (Bonferroni).
const SIGNIFICANCE: f64 = 0.001;

/// Two groups of samples whose labels differ systematically: they were labeled by different rules,
/// or show another crop or pose.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleDifference {
    /// The groups, the larger one first.
    pub groups: [LabeledGroup; 2],
    /// In which positions are compared.
    pub frame: Frame,
    /// The keypoints whose positions differ, the largest effect first.
    pub keypoints: Vec<PositionDifference>,
}

/// Samples with labels for the same keypoints.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabeledGroup {
    /// Number of samples.
    pub samples: usize,
    /// The labeled keypoints.
    pub labeled: Vec<String>,
}

/// The frame in which positions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// Pixels of the image: all images have one size.
    Pixels,
    /// Relative to the keypoints that both groups have: their center is 0, their root mean square
    /// distance from it is 1.
    SharedKeypoints,
}

/// A keypoint whose position differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PositionDifference {
    /// Name of the keypoint.
    pub keypoint: String,
    /// `x` or `y`.
    pub axis: &'static str,
    /// The mean in each group.
    pub means: [f64; 2],
    /// Cohen's d: the difference of the means in standard deviations of a group.
    pub effect: f64,
    /// The standard error of the effect.
    pub standard_error: f64,
}

impl fmt::Display for RuleDifference {
    /// A sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.groups;
        write!(
            f,
            "the {} samples with {} labels and the {} samples with {} labels follow different \
             labeling rules (or differ in crop or pose): ",
            a.samples,
            a.labeled.len(),
            b.samples,
            b.labeled.len()
        )?;
        let unit = match self.frame {
            Frame::Pixels => " px",
            Frame::SharedKeypoints => " relative to the common keypoints",
        };
        for (number, at) in self.keypoints.iter().take(LISTED).enumerate() {
            let joint = if number == 0 { "" } else { "; " };
            let [first, second] = at.means.map(|mean| match self.frame {
                Frame::Pixels => format!("{mean:.1}"),
                Frame::SharedKeypoints => format!("{mean:.2}"),
            });
            write!(
                f,
                "{joint}{} has mean {} {first} against {second}{unit} (d = {:.2} ± {:.2})",
                at.keypoint, at.axis, at.effect, at.standard_error
            )?;
        }
        match self.keypoints.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// The pairs of groups that differ by at least `min_effect` in a keypoint.
pub(super) fn find_rules(
    samples: &[Scanned],
    schema: &Schema,
    patterns: &[Pattern],
    min_effect: f64,
) -> Vec<RuleDifference> {
    let least = MIN_SAMPLES.max((MIN_FRACTION * samples.len() as f64).ceil() as usize);
    let large = patterns.iter().filter(|pattern| pattern.samples >= least);
    let large = large.filter(|pattern| is_symmetric(pattern, schema));
    let large: Vec<&Pattern> = large.take(MAX_GROUPS).collect();
    let mut sizes = samples.iter().map(Scanned::size);
    let first = sizes.next().flatten();
    let frame = match sizes.all(|size| size == first) {
        true => Frame::Pixels,
        false => Frame::SharedKeypoints,
    };
    let mut compared = Vec::new();
    for (number, &a) in large.iter().enumerate() {
        for &b in &large[number + 1..] {
            let shared = |index: &usize| a.is_labeled[*index] && b.is_labeled[*index];
            let shared: Vec<usize> = (0..schema.len()).filter(shared).collect();
            if frame == Frame::Pixels || shared.len() > 2 {
                compared.push((a, b, shared));
            }
        }
    }
    let comparisons: usize = compared.iter().map(|(.., shared)| 2 * shared.len()).sum();
    let min_errors = two_sided_quantile(SIGNIFICANCE / comparisons.max(1) as f64);
    let differences = compared.into_iter().filter_map(|(a, b, shared)| {
        let groups = [a, b].map(|pattern| moments(samples, pattern, &shared, frame));
        let mut keypoints = Vec::new();
        for (at, &index) in shared.iter().enumerate() {
            for (axis, name) in ["x", "y"].into_iter().enumerate() {
                let [first, second] = [0, 1].map(|group| &groups[group][at][axis]);
                let (effect, standard_error) = cohens_d(first, second);
                if effect.abs() >= min_effect && effect.abs() > min_errors * standard_error {
                    keypoints.push(PositionDifference {
                        keypoint: schema.keypoints()[index].clone(),
                        axis: name,
                        means: [first.mean, second.mean],
                        effect,
                        standard_error,
                    });
                }
            }
        }
        keypoints.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        (!keypoints.is_empty()).then(|| RuleDifference {
            groups: [a, b].map(|pattern| LabeledGroup {
                samples: pattern.samples,
                labeled: pattern.labeled.clone(),
            }),
            frame,
            keypoints,
        })
    });
    differences.collect()
}

/// Whether a keypoint is labeled where its mirror partner is. Where a head is turned, the labels of
/// one side are missing and the others are elsewhere, without another rule.
fn is_symmetric(pattern: &Pattern, schema: &Schema) -> bool {
    let mut pairs = schema.flip_pairs().iter();
    pairs.all(|&(a, b)| pattern.is_labeled[a] == pattern.is_labeled[b])
}

/// Count, mean and sum of squared deviations, by Welford's method.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }
}

/// For each shared keypoint, the moments of x and y over the samples with this pattern.
fn moments(
    samples: &[Scanned],
    pattern: &Pattern,
    shared: &[usize],
    frame: Frame,
) -> Vec<[Moments; 2]> {
    let mut moments = vec![[Moments::default(); 2]; shared.len()];
    for sample in samples {
        let mut labels = sample.keypoints.iter().zip(&pattern.is_labeled);
        if !labels.all(|(keypoint, is_labeled)| keypoint.is_labeled() == *is_labeled) {
            continue;
        }
        let at = |index: &usize| {
            let keypoint = &sample.keypoints[*index];
            [f64::from(keypoint.x), f64::from(keypoint.y)]
        };
        let points = shared.iter().map(at);
        let (center, radius) = match frame {
            Frame::Pixels => ([0.0; 2], 1.0),
            Frame::SharedKeypoints => center_and_radius(points.clone()),
        };
        if radius < 1e-9 {
            continue;
        }
        for (moments, point) in moments.iter_mut().zip(points) {
            for axis in 0..2 {
                moments[axis].add((point[axis] - center[axis]) / radius);
            }
        }
    }
    moments
}

fn center_and_radius(points: impl ExactSizeIterator<Item = [f64; 2]> + Clone) -> ([f64; 2], f64) {
    let count = points.len() as f64;
    let sum = points
        .clone()
        .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    let center = sum.map(|sum| sum / count);
    let squares = points.map(|p| (p[0] - center[0]).powi(2) + (p[1] - center[1]).powi(2));
    (center, (squares.sum::<f64>() / count).sqrt())
}

/// Cohen's d with the pooled standard deviation, and its standard error (Hedges and Olkin,
/// *Statistical Methods for Meta-Analysis*, 1985, 5.B).
fn cohens_d(a: &Moments, b: &Moments) -> (f64, f64) {
    let total = a.count + b.count;
    let deviation = ((a.squares + b.squares) / (total - 2.0).max(1.0)).sqrt();
    let d = (a.mean - b.mean) / deviation.max(1e-9);
    let variance = total / (a.count * b.count) + d * d / (2.0 * total);
    (d, variance.sqrt())
}

/// The number of standard deviations that a normal value exceeds, on either side, with this
/// probability, slightly too large: by the bound `erfc(x) ≤ exp(−x²)`.
fn two_sided_quantile(probability: f64) -> f64 {
    (-2.0 * probability.ln()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effect_is_that_of_the_formula() {
        let of = |values: &[f64]| {
            let mut moments = Moments::default();
            values.iter().for_each(|value| moments.add(*value));
            moments
        };
        let (d, error) = cohens_d(&of(&[1.0, 2.0, 3.0]), &of(&[2.0, 3.0, 4.0, 5.0]));
        // Means 2 and 3.5, pooled variance (2 + 5) / 5.
        assert!((d + 1.5 / 1.4_f64.sqrt()).abs() < 1e-12, "{d}");
        assert!((error - (7.0 / 12.0 + d * d / 14.0_f64).sqrt()).abs() < 1e-12);
        // The exact quantile for 0.001 is 3.29.
        let quantile = two_sided_quantile(0.001);
        assert!((3.29..3.8).contains(&quantile), "{quantile}");
    }
}
