//! How predicted standard deviations relate to the errors.

use crate::{Keypoints, Likelihood, Prediction};
use serde::{Deserialize, Serialize};

/// The relation of errors to predicted standard deviations, measured on samples that a network was
/// not trained on. Part of a model file.
///
/// A network learns its standard deviations on the training samples, where its errors are smaller,
/// and the distribution of the errors is not exactly the one that its loss assumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What the standard deviations of the network are multiplied by. With it, 68.3 % of the errors
    /// of each axis are within one standard deviation, as of a normal distribution.
    pub sigma_factor: f64,
    /// Half the widths of the central intervals that contain 50, 80 and 95 % of the errors of an
    /// axis, in standard deviations.
    pub half_widths: [f64; 3],
}

impl Calibration {
    /// The probabilities of [`Self::half_widths`].
    pub const PROBABILITIES: [f64; 3] = [0.5, 0.8, 0.95];

    /// The probability that a normal variable is within one standard deviation.
    const WITHIN_SIGMA: f64 = 0.682_689_5;

    /// That of a network whose errors have exactly the distribution of its loss.
    pub fn of(likelihood: Likelihood) -> Self {
        Self {
            sigma_factor: 1.0,
            half_widths: match likelihood {
                // −ln(1 − p) / √2.
                Likelihood::Laplace => [0.490_129, 1.138_041, 2.118_299],
                Likelihood::Gaussian => [0.674_490, 1.281_552, 1.959_964],
            },
        }
    }

    /// Half the width of the central interval of a probability, in standard deviations: 0 at 0, the
    /// measured ones at 50, 80 and 95 %, linear in −ln(1 − p) between and beyond, which is exact
    /// for Laplace's distribution.
    ///
    /// ```
    /// use fkp_core::{Calibration, Likelihood};
    /// let laplace = Calibration::of(Likelihood::Laplace);
    /// assert!((laplace.half_width(0.95) - 2.118).abs() < 1e-3);
    /// assert!((laplace.half_width(0.99) - 3.256).abs() < 1e-3);
    /// ```
    pub fn half_width(&self, probability: f64) -> f64 {
        let depth = |p: f64| -(1.0 - p.clamp(0.0, 1.0)).ln();
        let ([a, b, c], [at_a, at_b, at_c]) = (Self::PROBABILITIES.map(depth), self.half_widths);
        let (knots, widths) = ([0.0, a, b, c], [0.0, at_a, at_b, at_c]);
        let at = depth(probability);
        let segment = knots[1..3].iter().filter(|knot| **knot <= at).count();
        let slope = (widths[segment + 1] - widths[segment]) / (knots[segment + 1] - knots[segment]);
        widths[segment] + slope * (at - knots[segment])
    }
}

/// Measures a [`Calibration`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CalibrationData {
    /// Absolute errors of coordinates, divided by the predicted standard deviation.
    ratios: Vec<f64>,
}

impl CalibrationData {
    /// Adds the labeled keypoints of an image with the prediction of a network. Predictions without
    /// standard deviations add nothing.
    pub fn add(&mut self, predicted: &Prediction, truth: &Keypoints) {
        let Some(sigmas) = &predicted.sigma_px else {
            return;
        };
        for (index, label) in truth.labeled() {
            let (found, sigma) = (&predicted.keypoints[index], f64::from(sigmas[index]));
            let errors = [found.x - label.x, found.y - label.y];
            let ratios = errors.map(|error| f64::from(error.abs()) / sigma);
            self.ratios.extend(ratios.iter().filter(|r| r.is_finite()));
        }
    }

    /// The calibration for the errors so far; `None` if there are fewer than 1000, which are too
    /// few to tell the 95 % interval.
    pub fn calibration(&self) -> Option<Calibration> {
        if self.ratios.len() < 1000 {
            return None;
        }
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = |p: f64| sorted[(p * (sorted.len() - 1) as f64).round() as usize];
        let sigma_factor = quantile(Calibration::WITHIN_SIGMA);
        (sigma_factor > 0.0).then(|| Calibration {
            sigma_factor,
            half_widths: Calibration::PROBABILITIES.map(|p| quantile(p) / sigma_factor),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypoint;

    /// Errors of a known distribution, at their quantiles, with standard deviations that are half
    /// the true ones.
    fn measured(quantile: impl Fn(f64) -> f64) -> Calibration {
        let mut data = CalibrationData::default();
        for i in 0..2000 {
            let p = (f64::from(i) + 0.5) / 2000.0;
            let sigma = 1.0 + f64::from(i % 7);
            let error = (quantile(p) * sigma) as f32;
            let mut found = Prediction::new(Keypoints::from_xy(&[[error, -error], [99.0, 0.0]]));
            found.sigma_px = Some(vec![sigma as f32 / 2.0; 2]);
            let truth = Keypoints::new(vec![Keypoint::new(0.0, 0.0), Keypoint::unlabeled()]);
            data.add(&found, &truth);
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
        let mut data = CalibrationData::default();
        data.add(
            &Prediction::new(Keypoints::from_xy(&[[1.0, 1.0]])),
            &Keypoints::from_xy(&[[1.0, 2.0]]),
        );
        assert_eq!(data.calibration(), None);
    }
}
