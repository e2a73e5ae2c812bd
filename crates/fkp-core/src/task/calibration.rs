//! How predicted standard deviations relate to the errors.

use crate::Likelihood;
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
