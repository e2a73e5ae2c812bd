//! Aligning labels to the mean shape of a data set, both robust to wrong labels.

use fkp_core::Keypoints;

/// A point or a vector; as a complex number, x is the real part.
pub(super) type Point = [f64; 2];

/// Samples from which the mean shape is estimated, spread over the data set.
const MAX_SAMPLES: usize = 2000;

/// Samples that the first shape is chosen from, and that it is compared with.
const CANDIDATES: usize = 24;
const COMPARED: usize = 100;

/// Alternations between aligning the samples and the median of the aligned samples.
const ROUNDS: usize = 6;

/// Steps of iteratively reweighted least squares in an alignment.
const STEPS: usize = 12;

/// Most labels of which each is left out once, to find one that spoils the alignment of the others.
const FEW: usize = 10;

/// The largest distance of a label, in standard deviations, in the comparison of alignments.
const MAX_COST: f64 = 6.0;

/// Smallest standard deviation of a keypoint, in radii of the shape: without it, labels that are
/// rendered all alike would make rounding errors outliers.
const MIN_DEVIATION: f64 = 0.01;

/// Fewest labeled keypoints of a sample that is aligned: two points fit any other two.
pub(super) const MIN_LABELS: usize = 3;

/// The robust mean of the shapes of a data set: centered, with a mean square radius of 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MeanShape {
    /// `None` for keypoints that no aligned sample has.
    pub(super) points: Vec<Option<Point>>,
    /// The standard deviation of each keypoint on an axis after the alignment, by the quantiles at
    /// 50 % and 90 % of the distances: not changed by less than a tenth of wrong labels.
    pub(super) deviations: Vec<f64>,
}

/// Labels in the frame of the mean shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Aligned {
    /// Rotation and scale as a complex number, shape from image.
    turn: Point,
    shift: Point,
    /// For each labeled keypoint that the shape has: its index and its distance vector from the
    /// mean shape, in radii of the shape.
    pub(super) residuals: Vec<(usize, Point)>,
}

/// The labeled keypoints of a sample.
pub(super) fn labeled(keypoints: &Keypoints) -> Vec<(usize, Point)> {
    let labeled = keypoints.labeled();
    labeled
        .map(|(index, p)| (index, [p.x.into(), p.y.into()]))
        .collect()
}

impl MeanShape {
    /// Estimates the shape: the sample that is nearest to the others is the first one, and then the
    /// median of each keypoint over the aligned samples replaces it several times. `None` without a
    /// sample of three labels.
    pub(super) fn estimate(keypoints: usize, samples: &[Vec<(usize, Point)>]) -> Option<Self> {
        let usable: Vec<&Vec<(usize, Point)>> = samples
            .iter()
            .filter(|labels| labels.len() >= MIN_LABELS)
            .collect();
        let spread = |count: usize| {
            let step = usable.len().div_ceil(count).max(1);
            usable.iter().copied().step_by(step)
        };
        let mut shape = Self::nearest_sample(keypoints, &usable, spread(COMPARED))?;
        for _ in 0..ROUNDS {
            let mut residuals: Vec<Vec<Point>> = vec![Vec::new(); keypoints];
            for labels in spread(MAX_SAMPLES) {
                let Some(aligned) = shape.align(labels) else {
                    continue;
                };
                for &(index, at) in labels {
                    let position = aligned.apply(at);
                    residuals[index].push(position);
                }
            }
            shape = Self::of_positions(&residuals)?;
        }
        Some(shape)
    }

    /// The sample with most labels of keypoints that most samples have, whose shape is nearest to the
    /// others by the median of the distances.
    fn nearest_sample<'a>(
        keypoints: usize,
        usable: &[&Vec<(usize, Point)>],
        compared: impl Iterator<Item = &'a Vec<(usize, Point)>> + Clone,
    ) -> Option<Self> {
        let mut counts = vec![0_usize; keypoints];
        for (index, _) in usable.iter().copied().flatten() {
            counts[*index] += 1;
        }
        let common = |labels: &[(usize, Point)]| -> usize {
            labels.iter().map(|(index, _)| counts[*index]).sum()
        };
        let most = usable.iter().map(|labels| common(labels)).max()?;
        let candidates: Vec<_> = usable
            .iter()
            .filter(|labels| 10 * common(labels) >= 9 * most)
            .collect();
        let step = candidates.len().div_ceil(CANDIDATES).max(1);
        let shapes = candidates.iter().step_by(step).filter_map(|labels| {
            let mut points = vec![None; keypoints];
            for &(index, at) in labels.iter() {
                points[index] = Some(at);
            }
            Self {
                points,
                deviations: vec![1.0; keypoints],
            }
            .normalized()
        });
        let distance = |shape: &Self| {
            let aligned = compared.clone().filter_map(|labels| shape.align(labels));
            let mut distances: Vec<f64> = aligned.map(|aligned| aligned.mean_distance()).collect();
            median(&mut distances).unwrap_or(f64::INFINITY)
        };
        let shapes = shapes.map(|shape| (distance(&shape), shape));
        shapes
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, shape)| shape)
    }

    /// The medians of the aligned positions of each keypoint.
    fn of_positions(positions: &[Vec<Point>]) -> Option<Self> {
        let (mut points, mut deviations) = (Vec::new(), Vec::new());
        for positions in positions {
            let axis = |axis: usize| {
                let mut values: Vec<f64> = positions.iter().map(|p| p[axis]).collect();
                median(&mut values)
            };
            let point = axis(0).zip(axis(1)).map(|(x, y)| [x, y]);
            let mut distances: Vec<f64> = match point {
                Some(center) => positions
                    .iter()
                    .map(|p| length(minus(*p, center)))
                    .collect(),
                None => Vec::new(),
            };
            // Of the lengths of vectors of two normal values, half are below 1.177 standard
            // deviations and 90 % below 2.146. The median alone is too small where heads turn, or
            // where few keypoints are aligned so that most fit exactly.
            let half = median(&mut distances).unwrap_or_default() / 1.177;
            let most = quantile(&mut distances, 0.9).unwrap_or_default() / 2.146;
            let deviation = half.max(most);
            points.push(point);
            deviations.push(deviation.max(MIN_DEVIATION));
        }
        Self { points, deviations }.normalized()
    }

    /// Centered, with a mean square radius of 1; `None` if all points coincide.
    fn normalized(mut self) -> Option<Self> {
        let known: Vec<Point> = self.points.iter().flatten().copied().collect();
        let count = known.len() as f64;
        let center = known.iter().fold([0.0; 2], |sum, p| plus(sum, *p));
        let center = center.map(|sum| sum / count);
        let squares = known.iter().map(|p| length(minus(*p, center)).powi(2));
        let radius = (squares.sum::<f64>() / count).sqrt();
        if !(radius > 1e-9 && radius.is_finite()) {
            return None;
        }
        for point in self.points.iter_mut().flatten() {
            *point = minus(*point, center).map(|value| value / radius);
        }
        Some(self)
    }

    /// The similarity transform (no reflection) that minimizes the sum of the distances between the
    /// labels and the mean shape, each divided by the deviation of its keypoint. Unlike squares,
    /// distances let a wrong label stand out rather than move the others: iteratively reweighted
    /// least squares. `None` for fewer than three keypoints, or if they coincide.
    pub(super) fn align(&self, labels: &[(usize, Point)]) -> Option<Aligned> {
        let pairs: Vec<(usize, Point, Point)> = labels
            .iter()
            .filter_map(|&(index, at)| Some((index, at, self.points[index]?)))
            .collect();
        if pairs.len() < MIN_LABELS {
            return None;
        }
        let all = self.refined(&pairs, pairs.len())?;
        // Of few labels, one that is far away can still turn the others.
        let without = 0..if pairs.len() <= FEW { pairs.len() } else { 0 };
        let mut fits: Vec<Aligned> = without
            .filter_map(|left_out| self.refined(&pairs, left_out))
            .collect();
        fits.push(all);
        let cost = |fitted: &Aligned| -> f64 {
            let of_pair = |(index, at, to): &(usize, Point, Point)| {
                let distance = length(minus(fitted.apply(*at), *to));
                (distance / self.deviations[*index]).min(MAX_COST)
            };
            pairs.iter().map(of_pair).sum()
        };
        let mut best = fits
            .into_iter()
            .min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        let residuals = pairs
            .iter()
            .map(|(index, at, to)| (*index, minus(best.apply(*at), *to)));
        best.residuals = residuals.collect();
        Some(best)
    }

    /// The transform by the pairs but the one that is left out, if there is one of this number.
    fn refined(&self, pairs: &[(usize, Point, Point)], left_out: usize) -> Option<Aligned> {
        let inverse = |index: usize| self.deviations[index].recip();
        let mut weights: Vec<f64> = pairs.iter().map(|(i, ..)| inverse(*i).powi(2)).collect();
        let leave_out = |weights: &mut [f64]| {
            if let Some(weight) = weights.get_mut(left_out) {
                *weight = 0.0;
            }
        };
        leave_out(&mut weights);
        let mut fitted = fit(pairs, &weights)?;
        for _ in 0..STEPS {
            for (weight, (index, at, to)) in weights.iter_mut().zip(pairs) {
                let distance = length(minus(fitted.apply(*at), *to)) * inverse(*index);
                *weight = inverse(*index).powi(2) / distance.max(0.1);
            }
            leave_out(&mut weights);
            fitted = fit(pairs, &weights)?;
        }
        Some(fitted)
    }
}

impl Aligned {
    /// From the image to the frame of the mean shape.
    pub(super) fn apply(&self, at: Point) -> Point {
        plus(times(self.turn, at), self.shift)
    }

    /// From the frame of the mean shape to the image.
    pub(super) fn to_image(&self, at: Point) -> Point {
        let [re, im] = self.turn;
        let square = re * re + im * im;
        times([re / square, -im / square], minus(at, self.shift))
    }

    /// Mean distance of the labels from the mean shape.
    pub(super) fn mean_distance(&self) -> f64 {
        let distances = self.residuals.iter().map(|(_, residual)| length(*residual));
        distances.sum::<f64>() / self.residuals.len() as f64
    }
}

/// The weighted least-squares similarity transform of labels to points of the shape.
fn fit(pairs: &[(usize, Point, Point)], weights: &[f64]) -> Option<Aligned> {
    let weighted = || pairs.iter().zip(weights);
    let total: f64 = weights.iter().sum();
    let mean = |pick: fn(&(usize, Point, Point)) -> Point| {
        let sum = weighted().fold([0.0; 2], |sum, (pair, weight)| {
            plus(sum, pick(pair).map(|value| value * weight))
        });
        sum.map(|value| value / total)
    };
    let (from, to) = (mean(|pair| pair.1), mean(|pair| pair.2));
    let (mut product, mut square) = ([0.0; 2], 0.0);
    for ((_, at, target), weight) in weighted() {
        let (a, b) = (minus(*at, from), minus(*target, to));
        let conjugate = [a[0], -a[1]];
        product = plus(product, times(conjugate, b).map(|value| value * weight));
        square += weight * (a[0] * a[0] + a[1] * a[1]);
    }
    let turn = product.map(|value| value / square);
    let is_valid = turn.iter().all(|value| value.is_finite()) && length(turn) > 1e-12;
    is_valid.then(|| Aligned {
        turn,
        shift: minus(to, times(turn, from)),
        residuals: Vec::new(),
    })
}

/// The median; `None` without values.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a fraction of the values are; `None` without values.
fn quantile(values: &mut [f64], fraction: f64) -> Option<f64> {
    let index = (fraction * values.len() as f64) as usize;
    if values.is_empty() {
        return None;
    }
    let (_, value, _) = values.select_nth_unstable_by(index, f64::total_cmp);
    Some(*value)
}

pub(super) fn plus(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

pub(super) fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn times(a: Point, b: Point) -> Point {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

pub(super) fn length([x, y]: Point) -> f64 {
    x.hypot(y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Purpose, Rng, rng_for};

    /// Turned, scaled and shifted squares with a center; every fourth has its first label elsewhere.
    fn squares() -> Vec<Vec<(usize, Point)>> {
        let mut rng = rng_for(3, Purpose::Split, 0, 0);
        let mut uniform = move || f64::from(rng.next_u32() % 10_000) / 10_000.0;
        let corners = [
            [-1.0, -1.0],
            [1.0, -1.0],
            [1.2, 1.0],
            [-1.0, 1.0],
            [0.2, 0.1],
        ];
        let samples = (0..60).map(|number| {
            let (angle, scale) = (std::f64::consts::TAU * uniform(), 5.0 + 40.0 * uniform());
            let turn = [scale * angle.cos(), scale * angle.sin()];
            let shift = [100.0 * uniform(), 100.0 * uniform()];
            let placed = corners.iter().enumerate().map(|(index, corner)| {
                let noise = [0.02 * (uniform() - 0.5), 0.02 * (uniform() - 0.5)];
                (index, plus(times(turn, plus(*corner, noise)), shift))
            });
            let mut labels: Vec<_> = placed.collect();
            if number % 4 == 0 {
                labels[0].1 = plus(labels[0].1, [3.0 * scale, scale]);
            }
            if number % 3 == 0 {
                labels.remove(1);
            }
            labels
        });
        samples.collect()
    }

    #[test]
    fn the_mean_shape_is_that_of_the_right_labels() {
        let samples = squares();
        let shape = MeanShape::estimate(6, &samples).unwrap();
        assert_eq!(shape.points[5], None);
        for (number, labels) in samples.iter().enumerate() {
            let aligned = shape.align(labels).unwrap();
            for (index, residual) in &aligned.residuals {
                let is_wrong = number % 4 == 0 && *index == 0;
                let distance = length(*residual);
                assert_eq!(distance > 0.1, is_wrong, "{number} {index} {distance}");
            }
            let (_, at) = labels[2];
            let back = aligned.to_image(aligned.apply(at));
            assert!(length(minus(back, at)) < 1e-6);
        }
    }

    #[test]
    fn shapes_that_do_not_exist_are_none() {
        let point = |index| (index, [5.0, 5.0]);
        assert!(MeanShape::estimate(3, &[]).is_none());
        assert!(MeanShape::estimate(3, &[vec![point(0), point(1)]]).is_none());
        assert!(MeanShape::estimate(3, &[vec![point(0), point(1), point(2)]]).is_none());
    }
}
