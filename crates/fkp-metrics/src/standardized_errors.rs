//! Errors in predicted standard deviations: whether these are true, and what makes them true.

use fkp_core::{Calibration, Prediction, Sample};

/// The absolute errors of the labeled coordinates, each divided by its predicted standard deviation
/// (standardized residuals).
///
/// ```
/// use fkp_core::{Calibration, Image, Keypoints, Likelihood, Prediction, Sample};
/// use fkp_metrics::StandardizedErrors;
/// let mut errors = StandardizedErrors::default();
/// let truth = Sample::new("a", Image::filled(9, 9, 1, 0), Keypoints::from_xy(&[[1.0, 2.0]]));
/// let mut found = Prediction::new(Keypoints::from_xy(&[[1.5, 6.0]]));
/// found.sigma_px = Some(vec![1.0]);
/// errors.add(&found, &truth);
/// let normal = Calibration::of(Likelihood::Gaussian);
/// assert_eq!(errors.coverage(&normal, 0.95), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StandardizedErrors {
    errors: Vec<f64>,
}

/// The probability that a normal variable is within one standard deviation.
const WITHIN_SIGMA: f64 = 0.682_689_5;

impl StandardizedErrors {
    /// Adds the labeled keypoints of an image, with the network's own standard deviations. Keypoints
    /// without one do not count.
    pub fn add(&mut self, predicted: &Prediction, truth: &Sample) {
        let Some(sigmas) = &predicted.sigma_px else {
            return;
        };
        for (index, label) in truth.keypoints.labeled() {
            let (found, sigma) = (&predicted.keypoints[index], f64::from(sigmas[index]));
            let errors = [found.x - label.x, found.y - label.y];
            let errors = errors.map(|error| f64::from(error.abs()) / sigma);
            self.errors.extend(errors.iter().filter(|e| !e.is_nan()));
        }
    }

    /// The fraction of the errors within the central interval of a probability, of a network with
    /// this calibration. It equals the probability where the standard deviations are true. `None`
    /// until an error was added.
    pub fn coverage(&self, calibration: &Calibration, probability: f64) -> Option<f64> {
        let limit = calibration.half_width(probability) * calibration.sigma_factor;
        let within = self.errors.iter().filter(|error| **error <= limit).count();
        crate::keypoint_error::mean(within as f64, self.errors.len())
    }

    /// The calibration that these errors give; `None` if there are fewer than 1000, which are too
    /// few to tell the 95 % interval.
    pub fn calibration(&self) -> Option<Calibration> {
        let finite = self.errors.iter().copied().filter(|e| e.is_finite());
        let mut sorted: Vec<f64> = finite.collect();
        if sorted.len() < 1000 {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let quantile = |p: f64| sorted[(p * (sorted.len() - 1) as f64).round() as usize];
        let sigma_factor = quantile(WITHIN_SIGMA);
        (sigma_factor > 0.0).then(|| Calibration {
            sigma_factor,
            half_widths: Calibration::PROBABILITIES.map(|p| quantile(p) / sigma_factor),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Image, Keypoint, Keypoints, Likelihood};

    fn sample(keypoints: Keypoints) -> Sample {
        Sample::new("a", Image::filled(1, 1, 1, 0), keypoints)
    }

    /// Errors of a known distribution, at their quantiles, with standard deviations that are half
    /// the true ones.
    fn measured(quantile: impl Fn(f64) -> f64) -> Calibration {
        let mut data = StandardizedErrors::default();
        for i in 0..2000 {
            let p = (f64::from(i) + 0.5) / 2000.0;
            let sigma = 1.0 + f64::from(i % 7);
            let error = (quantile(p) * sigma) as f32;
            let mut found = Prediction::new(Keypoints::from_xy(&[[error, -error], [99.0, 0.0]]));
            found.sigma_px = Some(vec![sigma as f32 / 2.0; 2]);
            let truth = Keypoints::new(vec![Keypoint::new(0.0, 0.0), Keypoint::unlabeled()]);
            data.add(&found, &sample(truth));
        }
        data.calibration().unwrap()
    }

    #[test]
    fn a_known_distribution_is_measured() {
        // The absolute value of a Laplace variable with standard deviation 1.
        let laplace = measured(|p| -(1.0 - p).ln() / 2f64.sqrt());
        let expected = Calibration::of(Likelihood::Laplace);
        for p in [0.25, 0.5, 0.8, 0.9, 0.95, 0.99] {
            let (found, expected) = (laplace.half_width(p), expected.half_width(p));
            assert!((found * laplace.sigma_factor / 2.0 / expected - 1.0).abs() < 0.01);
        }
        // Uniform in [0, 1]: 68.3 % are within 0.683.
        let uniform = measured(|p| p);
        assert!((uniform.sigma_factor - 2.0 * 0.6827).abs() < 0.002);
        assert!((uniform.half_widths[1] - 0.8 / 0.6827).abs() < 0.002);
    }

    #[test]
    fn too_few_errors_are_no_calibration() {
        let mut data = StandardizedErrors::default();
        data.add(
            &Prediction::new(Keypoints::from_xy(&[[1.0, 1.0]])),
            &sample(Keypoints::from_xy(&[[1.0, 2.0]])),
        );
        assert_eq!(data.calibration(), None);
    }
}
