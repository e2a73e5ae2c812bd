//! Errors in predicted standard deviations: whether these are true, and what makes them true.

use fkp_core::{Calibration, Prediction, Purpose, Rng, Sample, rng_for};
use std::collections::BTreeMap;

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
    images: Vec<ImageErrors>,
    /// Numbers of the groups.
    groups: BTreeMap<String, usize>,
}

/// The errors of an image.
#[derive(Debug, Clone, PartialEq)]
struct ImageErrors {
    /// Where they end in the list of all.
    end: usize,
    /// The group, if the image belongs to one.
    group: Option<usize>,
}

/// Number of samples of [`StandardizedErrors::coverage_interval`].
const BOOTSTRAP_SAMPLES: usize = 1000;

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
        let group = truth.group.as_ref().map(|group| {
            let next = self.groups.len();
            *self.groups.entry(group.clone()).or_insert(next)
        });
        let end = self.errors.len();
        self.images.push(ImageErrors { end, group });
    }

    /// The fraction of the errors within the central interval of a probability, of a network with
    /// this calibration. It equals the probability where the standard deviations are true. `None`
    /// until an error was added.
    pub fn coverage(&self, calibration: &Calibration, probability: f64) -> Option<f64> {
        let within = within(&self.errors, calibration, probability);
        crate::keypoint_error::mean(within as f64, self.errors.len())
    }

    /// The central 95 % interval of [`Self::coverage`] over samples of the groups with replacement
    /// (the percentile bootstrap of Efron, *Bootstrap Methods*, 1979). The errors of an image and
    /// those of the images of a person are not independent, hence groups; an image without one is a
    /// group of its own. The calibration is the same in all samples. `None` until an error was
    /// added.
    pub fn coverage_interval(
        &self,
        calibration: &Calibration,
        probability: f64,
    ) -> Option<[f64; 2]> {
        let mut units = vec![[0; 2]; self.groups.len()];
        let mut start = 0;
        for image in &self.images {
            let errors = &self.errors[start..image.end];
            start = image.end;
            let counts = [within(errors, calibration, probability), errors.len()];
            match image.group {
                Some(group) => units[group] = plus(units[group], counts),
                None => units.push(counts),
            }
        }
        units.retain(|[_, all]| *all > 0);
        if units.is_empty() {
            return None;
        }
        let mut rng = rng_for(0, Purpose::Bootstrap, 0, 0);
        let count = units.len() as u64;
        let mut fractions: Vec<f64> = (0..BOOTSTRAP_SAMPLES)
            .map(|_| {
                let mut sums = [0; 2];
                for _ in 0..count {
                    sums = plus(sums, units[(rng.next_u64() % count) as usize]);
                }
                sums[0] as f64 / sums[1] as f64
            })
            .collect();
        fractions.sort_by(f64::total_cmp);
        Some(
            [0.025, 0.975]
                .map(|p| fractions[(p * (BOOTSTRAP_SAMPLES - 1) as f64).round() as usize]),
        )
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

fn plus(a: [usize; 2], b: [usize; 2]) -> [usize; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// How many of the errors are within the central interval of a probability.
fn within(errors: &[f64], calibration: &Calibration, probability: f64) -> usize {
    let limit = calibration.half_width(probability) * calibration.sigma_factor;
    errors.iter().filter(|error| **error <= limit).count()
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

    /// Images whose errors are all within or all outside the interval: the coverage is a binomial
    /// proportion of the images, whose standard deviation is known.
    #[test]
    fn the_interval_of_the_coverage_is_that_of_the_images() {
        let calibration = Calibration::of(Likelihood::Gaussian);
        let [mut data, mut grouped] = <[StandardizedErrors; 2]>::default();
        assert_eq!(data.coverage_interval(&calibration, 0.8), None);
        for i in 0..400 {
            let error = if i % 5 < 4 { 0.1 } else { 9.0 };
            let mut found = Prediction::new(Keypoints::from_xy(&[[error, error]; 10]));
            found.sigma_px = Some(vec![1.0; 10]);
            let truth = sample(Keypoints::from_xy(&[[0.0, 0.0]; 10]));
            data.add(&found, &truth);
            // Four images of each person, all with the errors of the first.
            let group = Some(format!("person {}", i / 20 * 5 + i % 5));
            grouped.add(&found, &Sample { group, ..truth });
        }
        assert_eq!(data.coverage(&calibration, 0.8), Some(0.8));
        let [low, high] = grouped.coverage_interval(&calibration, 0.8).unwrap();
        let half_width = 1.96 * (0.8f64 * 0.2 / 100.0).sqrt();
        assert!((0.8 - low - half_width).abs() < 0.02, "{low}");
        assert!((high - 0.8 - half_width).abs() < 0.02, "{high}");
        let [low, high] = data.coverage_interval(&calibration, 0.8).unwrap();
        let half_width = 1.96 * (0.8f64 * 0.2 / 400.0).sqrt();
        assert!((0.8 - low - half_width).abs() < 0.005, "{low}");
        assert!((high - 0.8 - half_width).abs() < 0.005, "{high}");
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
