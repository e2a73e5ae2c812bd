//! The cumulative error curve.

use crate::keypoint_error::mean;
use crate::nme::{Normalizer, image_nme};
use crate::threshold::area_of_one;
use fkp_core::{Keypoints, Metric, Prediction, Sample};

/// The cumulative error distribution (CED): for each error, the fraction of images whose normalized
/// error is at most that. Stores one value per image.
///
/// As a [`Metric`] its value is the median error, where the curve is at one half.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// use fkp_metrics::{CumulativeErrorCurve, Normalizer};
/// let mut curve = CumulativeErrorCurve::new(Normalizer::Box);
/// let truth = Keypoints::from_xy(&[[0.0, 0.0], [10.0, 10.0]]);
/// for dx in [0.0, 1.0, 2.0, 4.0] {
///     curve.add(&Keypoints::from_xy(&[[dx, 0.0], [10.0 + dx, 10.0]]), &truth);
/// }
/// assert_eq!(curve.fraction_within(0.1), Some(0.5));
/// assert_eq!(curve.failure_rate(0.3), Some(0.25));
/// assert_eq!(curve.auc(0.2), Some(0.375)); // (1 + 1/2 + 0 + 0) / 4
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CumulativeErrorCurve {
    normalizer: Normalizer,
    name: String,
    errors: Vec<f64>,
}

impl CumulativeErrorCurve {
    /// The curve of errors normalized by this length.
    pub fn new(normalizer: Normalizer) -> Self {
        Self {
            name: format!("median_nme_{}", normalizer.name()),
            normalizer,
            errors: Vec::new(),
        }
    }

    /// The length that errors are divided by.
    pub fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    /// The normalized error of each image for which it is defined, in the order of evaluation; a
    /// fraction, infinite if the prediction was not finite.
    pub fn errors(&self) -> &[f64] {
        &self.errors
    }

    /// The fraction of images with at most this error.
    pub fn fraction_within(&self, error: f64) -> Option<f64> {
        let within = self.errors.iter().filter(|e| **e <= error).count();
        mean(within as f64, self.errors.len())
    }

    /// The fraction of images with more than this error; see [`crate::FailureRate`].
    pub fn failure_rate(&self, threshold: f64) -> Option<f64> {
        let failed = self.errors.iter().filter(|e| **e > threshold).count();
        mean(failed as f64, self.errors.len())
    }

    /// The exact area under the curve up to `threshold`, in [0, 1]; see [`crate::Auc`].
    pub fn auc(&self, threshold: f64) -> Option<f64> {
        let areas = self.errors.iter().map(|e| area_of_one(*e, threshold));
        mean(areas.sum(), self.errors.len())
    }

    /// The curve's `(error, fraction)` at `count` evenly spaced errors from 0 to `limit`, for a
    /// plot. Empty if nothing was scored.
    pub fn points(&self, limit: f64, count: usize) -> Vec<(f64, f64)> {
        let last = count.saturating_sub(1).max(1) as f64;
        (0..count)
            .filter_map(|i| {
                let error = limit * i as f64 / last;
                Some((error, self.fraction_within(error)?))
            })
            .collect()
    }

    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        let error = image_nme(predicted, truth, &self.normalizer);
        self.errors.extend(error);
    }
}

impl Metric for CumulativeErrorCurve {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    /// The median: the mean of the two middle errors if their number is even.
    fn value(&self) -> Option<f64> {
        let mut sorted = self.errors.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
    }

    fn reset(&mut self) {
        self.errors.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curve(errors: &[f64]) -> CumulativeErrorCurve {
        let mut curve = CumulativeErrorCurve::new(Normalizer::Box);
        curve.errors = errors.to_vec();
        curve
    }

    #[test]
    fn without_images_there_is_no_value() {
        let empty = curve(&[]);
        assert_eq!(empty.value(), None);
        assert_eq!(empty.auc(0.08), None);
        assert_eq!(empty.points(0.08, 5), vec![]);
    }

    #[test]
    fn infinite_errors_are_above_every_threshold() {
        let curve = curve(&[0.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!(curve.auc(0.08), Some(1.0 / 3.0));
        assert_eq!(curve.failure_rate(0.08), Some(2.0 / 3.0));
        assert_eq!(curve.value(), Some(f64::INFINITY));
        assert_eq!(
            curve.points(1.0, 2),
            vec![(0.0, 1.0 / 3.0), (1.0, 1.0 / 3.0)]
        );
    }

    proptest! {
        /// The exact area agrees with the midpoint rule on a fine grid.
        #[test]
        fn area_is_the_integral(errors in prop::collection::vec(0.0f64..0.2, 1..20)) {
            let curve = curve(&errors);
            let steps = 4000;
            let midpoint = (0..steps)
                .filter_map(|i| curve.fraction_within(0.08 * (i as f64 + 0.5) / steps as f64))
                .sum::<f64>() / steps as f64;
            prop_assert!((curve.auc(0.08).unwrap() - midpoint).abs() < 1e-3);
        }
    }
}
