//! Whether standard deviations are true: how often labels lie within predicted intervals.

use fkp_core::{Calibration, Prediction, Sample};

/// The fraction of the labeled coordinates that lie within the predicted central interval of a
/// probability. It equals the probability where the predicted standard deviations are true.
///
/// ```
/// use fkp_core::{Calibration, Image, Keypoints, Likelihood, Prediction, Sample};
/// use fkp_metrics::Coverage;
/// let mut coverage = Coverage::new(&Calibration::of(Likelihood::Gaussian), 0.95);
/// let truth = Sample::new("a", Image::filled(9, 9, 1, 0), Keypoints::from_xy(&[[1.0, 2.0]]));
/// let mut found = Prediction::new(Keypoints::from_xy(&[[1.5, 6.0]]));
/// found.sigma_px = Some(vec![1.0]);
/// coverage.update(&found, &truth);
/// assert_eq!(coverage.value(), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    probability: f64,
    half_width: f64,
    within: usize,
    count: usize,
}

impl Coverage {
    /// The coverage of the intervals of this probability, of a network with this calibration.
    pub fn new(calibration: &Calibration, probability: f64) -> Self {
        Self {
            probability,
            half_width: calibration.half_width(probability) * calibration.sigma_factor,
            within: 0,
            count: 0,
        }
    }

    /// The probability of the intervals.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// Adds the labeled keypoints of an image, with the network's own standard deviations. Keypoints
    /// without one do not count.
    pub fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        let Some(sigmas) = &predicted.sigma_px else {
            return;
        };
        for (index, label) in truth.keypoints.labeled() {
            let (keypoint, sigma) = (predicted.keypoints[index], f64::from(sigmas[index]));
            if sigma.is_nan() {
                continue;
            }
            for error in [keypoint.x - label.x, keypoint.y - label.y] {
                self.within += usize::from(f64::from(error.abs()) <= self.half_width * sigma);
                self.count += 1;
            }
        }
    }

    /// The fraction of the coordinates within their intervals; `None` until one was counted.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.within as f64 / self.count as f64)
    }
}
