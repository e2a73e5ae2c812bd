//! Metrics with a threshold on the error of an image: failure rate and AUC.

use crate::keypoint_error::mean;
use crate::nme::{Normalizer, image_nme};
use fkp_core::{Direction, Keypoints, Metric, Prediction, Sample};

/// The fraction of images whose normalized error exceeds a threshold, among those for which it is
/// defined.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// use fkp_metrics::{DEFAULT_THRESHOLD, FailureRate, Normalizer};
/// let mut failures = FailureRate::new(Normalizer::Box, DEFAULT_THRESHOLD);
/// let truth = Keypoints::from_xy(&[[0.0, 0.0], [10.0, 10.0]]);
/// failures.add(&truth, &truth);
/// failures.add(&Keypoints::from_xy(&[[1.0, 0.0], [11.0, 10.0]]), &truth); // 10 %
/// assert_eq!((failures.name(), failures.value()), ("failure_rate_8", Some(0.5)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FailureRate {
    normalizer: Normalizer,
    threshold: f64,
    name: String,
    failed: usize,
    images: usize,
}

impl FailureRate {
    /// Failures above `threshold`, a fraction of the normalizing length.
    ///
    /// # Panics
    /// If the threshold is not positive and finite.
    pub fn new(normalizer: Normalizer, threshold: f64) -> Self {
        Self {
            normalizer,
            threshold,
            name: name_with_percent("failure_rate", threshold),
            failed: 0,
            images: 0,
        }
    }

    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        if let Some(error) = image_nme(predicted, truth, &self.normalizer) {
            self.failed += usize::from(error > self.threshold);
            self.images += 1;
        }
    }
}

impl Metric for FailureRate {
    fn name(&self) -> &str {
        &self.name
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    fn value(&self) -> Option<f64> {
        mean(self.failed as f64, self.images)
    }

    fn reset(&mut self) {
        (self.failed, self.images) = (0, 0);
    }
}

/// Area under the cumulative error curve from 0 to a threshold, divided by the threshold: 1 if
/// every prediction is exact, 0 if every error is above the threshold.
///
/// With `CED(e)` the fraction of images whose error is at most `e` (Sagonas et al., *300 Faces
/// In-The-Wild Challenge*, Image and Vision Computing 47, 2016), the area is
/// `1/T · ∫₀ᵀ CED(e) de`. `CED` is a step function, so the integral is computed exactly, as the
/// mean over images of `max(0, 1 − eᵢ/T)`, instead of numerically on a grid.
///
/// ```
/// use fkp_core::{Keypoints, Metric};
/// use fkp_metrics::{Auc, Normalizer};
/// let mut auc = Auc::new(Normalizer::Box, 0.2);
/// let truth = Keypoints::from_xy(&[[0.0, 0.0], [10.0, 10.0]]);
/// auc.add(&truth, &truth);
/// auc.add(&Keypoints::from_xy(&[[1.0, 0.0], [11.0, 10.0]]), &truth); // 10 %
/// assert_eq!((auc.name(), auc.value()), ("auc_20", Some(0.75)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Auc {
    normalizer: Normalizer,
    threshold: f64,
    name: String,
    sum: f64,
    images: usize,
}

impl Auc {
    /// The area up to `threshold`, a fraction of the normalizing length.
    ///
    /// # Panics
    /// If the threshold is not positive and finite.
    pub fn new(normalizer: Normalizer, threshold: f64) -> Self {
        Self {
            normalizer,
            threshold,
            name: name_with_percent("auc", threshold),
            sum: 0.0,
            images: 0,
        }
    }

    /// Accumulates the keypoints of one more image, both in pixels of the same image.
    ///
    /// # Panics
    /// If the two sets have different lengths.
    pub fn add(&mut self, predicted: &Keypoints, truth: &Keypoints) {
        if let Some(error) = image_nme(predicted, truth, &self.normalizer) {
            self.sum += area_of_one(error, self.threshold);
            self.images += 1;
        }
    }
}

impl Metric for Auc {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.keypoints, &truth.keypoints);
    }

    fn value(&self) -> Option<f64> {
        mean(self.sum, self.images)
    }

    fn reset(&mut self) {
        (self.sum, self.images) = (0.0, 0);
    }
}

/// Area under the curve of a single image, which rises from 0 to 1 at `error`.
pub(crate) fn area_of_one(error: f64, threshold: f64) -> f64 {
    (1.0 - error / threshold).max(0.0)
}

/// `failure_rate_8` for 0.08; decimals of a percent are kept.
pub(crate) fn name_with_percent(kind: &str, threshold: f64) -> String {
    assert!(
        threshold > 0.0 && threshold.is_finite(),
        "the threshold must be positive and finite, got {threshold}"
    );
    // Rounded, because 0.07 · 100 is not exactly 7.
    let percent = (threshold * 1e8).round() / 1e6;
    format!("{kind}_{percent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_threshold_in_percent() {
        assert_eq!(name_with_percent("auc", 0.07), "auc_7");
        assert_eq!(name_with_percent("auc", 0.125), "auc_12.5");
    }

    #[test]
    #[should_panic(expected = "positive and finite")]
    fn a_threshold_of_nan_is_refused() {
        FailureRate::new(Normalizer::Box, f64::NAN);
    }

    #[test]
    fn a_prediction_of_nan_is_a_failure_with_zero_area() {
        let truth = Keypoints::from_xy(&[[0.0, 0.0], [10.0, 10.0]]);
        let lost = Keypoints::from_xy(&[[f32::NAN, 0.0], [10.0, 10.0]]);
        let mut failures = FailureRate::new(Normalizer::Box, 0.08);
        let mut auc = Auc::new(Normalizer::Box, 0.08);
        failures.add(&lost, &truth);
        auc.add(&lost, &truth);
        assert_eq!(failures.value(), Some(1.0));
        assert_eq!(auc.value(), Some(0.0));
    }
}
