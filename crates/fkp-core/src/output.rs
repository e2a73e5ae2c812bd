//! What a network's output means, and the one place where it is read.

use crate::{CoordinateFrame, Keypoint, Keypoints, Prediction};
use serde::{Deserialize, Serialize};

/// What a network's output for one image means. Part of a model file: the training loop's
/// validation and prediction read outputs by the same [`decode`](Self::decode).
///
/// In a file: `output = { kind = "coordinates_with_scale", likelihood = "laplace" }`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputSpec {
    /// `[2·n_keypoints]`: coordinates in [−1, 1], interleaved x₀, y₀, x₁, y₁, … (see
    /// [`CoordinateFrame`]).
    #[default]
    Coordinates,
    /// `[3·n_keypoints]`: coordinates as above, then for each keypoint a number r that says how far
    /// it may be off.
    ///
    /// That number stands for the logarithm s = −2 + 5·tanh((r + 2)/5) of the likelihood's scale,
    /// as a fraction of half the crop's side (of half the root of its area, where it is not
    /// square). Around 0 it is r itself; it stays between −7 and 3, so that neither a perfect
    /// prediction nor a hopeless one makes a loss infinite, and unlike at a hard limit the
    /// gradient never vanishes for good. On a crop of 96 px that is from 0.04 to 960 px.
    CoordinatesWithScale {
        /// What the scale is of.
        #[serde(default)]
        likelihood: Likelihood,
    },
    /// `[n_keypoints, height, width]`: for each keypoint a Gaussian of height 1 around it. Read at
    /// the highest pixel, refined to a fraction of it. No standard deviation.
    ///
    /// A map covers the whole crop. A crop's pixel x is at (x + 0.5)·s − 0.5 of a map s times as
    /// wide, pixel centers at integers in both.
    Heatmap {
        /// Standard deviation of the Gaussians, in pixels of the map.
        #[serde(default = "default_sigma_px")]
        sigma_px: f64,
    },
    /// `[n_keypoints, height, width]`: scores whose softmax over a map is a distribution; the
    /// keypoint is its mean (differentiable spatial to numerical transform, Nibali et al. 2018;
    /// soft-argmax, Luvizon et al. 2017), its standard deviation that of the distribution.
    ///
    /// A map covers the whole crop as above; a mean cannot lie beyond the centers of the outermost
    /// pixels.
    SoftArgmax,
}

/// The distribution of a keypoint's x and y around its prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Laplace with scale b = σ/√2: the uncertain counterpart of the mean absolute error, and as
    /// robust against wrong labels.
    #[default]
    Laplace,
    /// Normal with standard deviation σ. Gross errors dominate its likelihood.
    Gaussian,
}

impl Likelihood {
    /// The standard deviation of a distribution of scale 1: 1 for the normal, √2 for Laplace.
    pub fn std_per_scale(self) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Laplace => std::f64::consts::SQRT_2,
        }
    }
}

fn default_sigma_px() -> f64 {
    1.5
}

/// An output does not have the shape that its meaning asks for.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("an output of {keypoints} keypoints as {meaning} has the shape {expected}, got {actual:?}")]
pub struct OutputError {
    /// What the output should mean.
    pub meaning: &'static str,
    /// How many keypoints there are.
    pub keypoints: usize,
    /// The shape that is asked for, in words.
    pub expected: String,
    /// The shape that was given, without the batch.
    pub actual: Vec<usize>,
}

crate::debug_as_sentence!(OutputError);

/// Center and half width of the logarithms of the scale, see
/// [`OutputSpec::CoordinatesWithScale`].
const LOG_SCALE_CENTER: f64 = -2.0;
const LOG_SCALE_HALF_WIDTH: f64 = 5.0;

impl OutputSpec {
    /// Center and half width of the logarithms of a scale: a network's number r stands for
    /// `center + half · tanh((r − center) / half)`.
    pub const LOG_SCALE: (f64, f64) = (LOG_SCALE_CENTER, LOG_SCALE_HALF_WIDTH);

    /// The name under which the kind is written in a file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Coordinates => "coordinates",
            Self::CoordinatesWithScale { .. } => "coordinates_with_scale",
            Self::Heatmap { .. } => "heatmap",
            Self::SoftArgmax => "soft_argmax",
        }
    }

    /// What is wrong with the numbers, if anything, naming the field.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Heatmap { sigma_px } if !(*sigma_px > 0.0 && sigma_px.is_finite()) => Some(
                format!("output.sigma_px must be positive and finite, got {sigma_px}"),
            ),
            _ => None,
        }
    }

    /// Numbers per keypoint of an output that is a vector; `None` where it is maps.
    pub fn numbers_per_keypoint(&self) -> Option<usize> {
        match self {
            Self::Coordinates => Some(2),
            Self::CoordinatesWithScale { .. } => Some(3),
            Self::Heatmap { .. } | Self::SoftArgmax => None,
        }
    }

    /// Whether there is a standard deviation for each keypoint.
    pub fn has_sigma(&self) -> bool {
        matches!(self, Self::CoordinatesWithScale { .. } | Self::SoftArgmax)
    }

    /// Refuses the shape of an output, without its batch dimension, that does not fit.
    ///
    /// # Errors
    /// With both shapes.
    pub fn check_shape(&self, shape: &[usize], keypoints: usize) -> Result<(), OutputError> {
        let fits = match self.numbers_per_keypoint() {
            Some(numbers) => shape == [numbers * keypoints],
            None => matches!(*shape, [n, h, w] if n == keypoints && h >= 2 && w >= 2),
        };
        if fits {
            return Ok(());
        }
        let expected = match self.numbers_per_keypoint() {
            Some(numbers) => format!("[{}]", numbers * keypoints),
            None => format!("[{keypoints}, height, width] with sides of at least 2"),
        };
        Err(OutputError {
            meaning: self.kind(),
            keypoints,
            expected,
            actual: shape.to_vec(),
        })
    }

    /// The keypoints that a network's output for one image stands for, in pixels of the crop.
    ///
    /// `values` are the output in row-major order and `shape` its dimensions without the batch.
    ///
    /// ```
    /// use fkp_core::{CoordinateFrame, Likelihood, OutputSpec};
    /// let output = OutputSpec::CoordinatesWithScale { likelihood: Likelihood::Gaussian };
    /// let frame = CoordinateFrame { width: 96, height: 96 };
    /// let found = output.decode(&[0.0, 0.5, -2.0], &[3], frame, 1)?;
    /// assert_eq!((found.keypoints[0].x, found.keypoints[0].y), (47.5, 71.5));
    /// assert!((found.sigma_px.unwrap()[0] - 48.0 * (-2f32).exp()).abs() < 1e-4);
    /// # Ok::<(), fkp_core::OutputError>(())
    /// ```
    ///
    /// # Errors
    /// If the shape does not fit.
    pub fn decode(
        &self,
        values: &[f32],
        shape: &[usize],
        frame: CoordinateFrame,
        keypoints: usize,
    ) -> Result<Prediction, OutputError> {
        self.check_shape(shape, keypoints)?;
        Ok(match *self {
            Self::Coordinates => Prediction::new(frame.keypoints(values)),
            Self::CoordinatesWithScale { likelihood } => {
                let (coordinates, scales) = values.split_at(2 * keypoints);
                let sigma = |&r: &f32| scale_px(r, frame) * likelihood.std_per_scale();
                Prediction {
                    keypoints: frame.keypoints(coordinates),
                    sigma_px: Some(scales.iter().map(|r| sigma(r) as f32).collect()),
                }
            }
            Self::Heatmap { sigma_px } => {
                let maps = Maps::new(shape, frame);
                let peak = |map: &[f32]| maps.peak(map, sigma_px);
                let found: Keypoints = values.chunks_exact(maps.len()).map(peak).collect();
                Prediction::new(found)
            }
            Self::SoftArgmax => {
                let maps = Maps::new(shape, frame);
                let means = values.chunks_exact(maps.len()).map(|map| maps.mean(map));
                let (keypoints, sigma): (Vec<Keypoint>, Vec<f32>) = means.unzip();
                Prediction {
                    keypoints: Keypoints::new(keypoints),
                    sigma_px: Some(sigma),
                }
            }
        })
    }
}

/// The scale of a likelihood in pixels of the crop, of the number that a network gives for it.
fn scale_px(r: f32, frame: CoordinateFrame) -> f64 {
    let (center, half) = OutputSpec::LOG_SCALE;
    let log_scale = center + half * ((f64::from(r) - center) / half).tanh();
    log_scale.exp() * half_side_px(frame)
}

/// Half the side of the crop, or half the root of its area: the unit of errors and scales.
fn half_side_px(frame: CoordinateFrame) -> f64 {
    ((frame.width * frame.height) as f64).sqrt() / 2.0
}

/// Maps of one size over a crop.
struct Maps {
    width: usize,
    height: usize,
    frame: CoordinateFrame,
}

impl Maps {
    /// Of a shape `[n_keypoints, height, width]` that was checked.
    fn new(shape: &[usize], frame: CoordinateFrame) -> Self {
        Self {
            width: shape[2],
            height: shape[1],
            frame,
        }
    }

    /// Numbers in a map.
    fn len(&self) -> usize {
        self.width * self.height
    }

    fn to_crop(&self, x: f64, y: f64) -> Keypoint {
        let along =
            |x: f64, crop: usize, map: usize| ((x + 0.5) * crop as f64 / map as f64 - 0.5) as f32;
        Keypoint::new(
            along(x, self.frame.width, self.width),
            along(y, self.frame.height, self.height),
        )
    }

    /// The place of the highest pixel, refined in each direction by the parabola through the
    /// logarithms of three pixels, which is exact for a Gaussian.
    fn peak(&self, map: &[f32], sigma_px: f64) -> Keypoint {
        let mut best = 0;
        for (i, value) in map.iter().enumerate() {
            if *value > map[best] {
                best = i;
            }
        }
        let (x, y) = (best % self.width, best / self.width);
        let row = |x: usize| map[y * self.width + x];
        let column = |y: usize| map[y * self.width + x];
        self.to_crop(
            x as f64 + offset(row, x, self.width, sigma_px),
            y as f64 + offset(column, y, self.height, sigma_px),
        )
    }

    /// Mean of the softmax of a map, and its standard deviation in pixels of the crop: the root of
    /// the mean of the variances of x and y.
    fn mean(&self, map: &[f32]) -> (Keypoint, f32) {
        let highest = map.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (mut sum, mut sums, mut squares) = (0.0f64, [0.0f64; 2], [0.0f64; 2]);
        for (i, score) in map.iter().enumerate() {
            let weight = f64::from(score - highest).exp();
            let at = [(i % self.width) as f64, (i / self.width) as f64];
            sum += weight;
            for axis in 0..2 {
                sums[axis] += weight * at[axis];
                squares[axis] += weight * at[axis] * at[axis];
            }
        }
        let mean = sums.map(|s| s / sum);
        let per_px = [
            self.frame.width as f64 / self.width as f64,
            self.frame.height as f64 / self.height as f64,
        ];
        let variance = |axis: usize| {
            (squares[axis] / sum - mean[axis] * mean[axis]).max(0.0) * per_px[axis].powi(2)
        };
        let sigma = ((variance(0) + variance(1)) / 2.0).sqrt();
        (self.to_crop(mean[0], mean[1]), sigma as f32)
    }
}

/// Distance from pixel `i`, the highest, to the peak, within half a pixel.
fn offset(value: impl Fn(usize) -> f32, i: usize, count: usize, sigma_px: f64) -> f64 {
    // Outputs may be negative; a logarithm needs a floor well below any peak.
    let top = f64::from(value(i));
    if top.is_nan() || top <= 0.0 {
        return 0.0;
    }
    let log = |i: usize| f64::from(value(i)).max(1e-6 * top).ln();
    let highest = log(i);
    let variance = sigma_px * sigma_px;
    let offset = if i == 0 {
        // One neighbor and the known width stand in for two neighbors.
        0.5 - variance * (highest - log(1))
    } else if i + 1 == count {
        variance * (highest - log(i - 1)) - 0.5
    } else {
        let (before, after) = (log(i - 1), log(i + 1));
        let curvature = 2.0 * highest - before - after;
        match curvature > 0.0 {
            true => 0.5 * (after - before) / curvature,
            false => 0.0,
        }
    };
    offset.clamp(-0.5, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };

    #[test]
    fn every_kind_round_trips_and_parameters_have_defaults() {
        let read = |text: &str| toml::from_str::<OutputSpec>(text).unwrap();
        for output in [
            OutputSpec::Coordinates,
            OutputSpec::CoordinatesWithScale {
                likelihood: Likelihood::Gaussian,
            },
            OutputSpec::Heatmap { sigma_px: 2.0 },
            OutputSpec::SoftArgmax,
        ] {
            assert_eq!(read(&toml::to_string(&output).unwrap()), output);
        }
        let scale = read("kind = 'coordinates_with_scale'");
        assert!(scale.has_sigma());
        assert_eq!(read("kind = 'heatmap'").problem(), None);
        let bad = OutputSpec::Heatmap { sigma_px: 0.0 };
        assert!(bad.problem().unwrap().starts_with("output.sigma_px"));
    }

    #[test]
    fn another_shape_is_refused_with_both_shapes() {
        let refused = |output: OutputSpec, shape: &[usize]| {
            let values = vec![0.0; shape.iter().product()];
            let refused = output.decode(&values, shape, FRAME, 15).unwrap_err();
            refused.to_string()
        };
        let text = refused(OutputSpec::Coordinates, &[45]);
        assert!(text.contains("[30]") && text.contains("[45]"), "{text}");
        let text = refused(OutputSpec::SoftArgmax, &[14, 8, 8]);
        assert!(text.contains("[15, height, width]"), "{text}");
        assert!(refused(OutputSpec::Heatmap { sigma_px: 1.0 }, &[15, 1, 8]).contains("heatmap"));
    }

    #[test]
    fn scales_stay_within_bounds_and_are_in_pixels() {
        let sigma = |r: f32, likelihood, frame| {
            let output = OutputSpec::CoordinatesWithScale { likelihood };
            let found = output.decode(&[0.0, 0.0, r], &[3], frame, 1).unwrap();
            f64::from(found.sigma_px.unwrap()[0])
        };
        let square = CoordinateFrame {
            width: 96,
            height: 96,
        };
        let low = sigma(-1e6, Likelihood::Gaussian, square);
        assert!((low / (48.0 * (-7f64).exp()) - 1.0).abs() < 1e-4);
        let high = sigma(1e6, Likelihood::Gaussian, square);
        assert!((high / (48.0 * 3f64.exp()) - 1.0).abs() < 1e-4);
        let expected = 2f64.sqrt() * 2048f64.sqrt() / 2.0 * (-2f64).exp();
        let got = sigma(-2.0, Likelihood::Laplace, FRAME);
        assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
    }

    #[test]
    fn odd_maps_decode_to_a_finite_keypoint() {
        for value in [0.0, -1.0, 1.0, f32::NAN, f32::NEG_INFINITY] {
            let found = OutputSpec::Heatmap { sigma_px: 1.5 };
            let found = found.decode(&[value; 128], &[1, 8, 16], FRAME, 1).unwrap();
            let keypoint = found.keypoints[0];
            assert!(keypoint.x.is_finite() && keypoint.y.is_finite(), "{value}");
        }
    }

    /// The distribution of a Gaussian of logarithms has its mean and its width.
    #[test]
    fn soft_argmax_reads_mean_and_width() {
        let (x, y, sigma) = (7.3f64, 3.6f64, 1.2f64);
        let scores: Vec<f32> = (0..128)
            .map(|i| {
                let (dx, dy) = ((i % 16) as f64 - x, (i / 16) as f64 - y);
                (100.0 - (dx * dx + dy * dy) / (2.0 * sigma * sigma)) as f32
            })
            .collect();
        let found = OutputSpec::SoftArgmax.decode(&scores, &[1, 8, 16], FRAME, 1);
        let found = found.unwrap();
        let keypoint = found.keypoints[0];
        assert!((f64::from(keypoint.x) - ((x + 0.5) * 4.0 - 0.5)).abs() < 0.05);
        assert!((f64::from(keypoint.y) - ((y + 0.5) * 4.0 - 0.5)).abs() < 0.05);
        let got = f64::from(found.sigma_px.unwrap()[0]);
        assert!((got / (4.0 * sigma) - 1.0).abs() < 0.03, "{got}");
    }
}
