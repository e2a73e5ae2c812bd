//! The output of a network: what its values mean, and how they are decoded.

use super::cells;
use super::maps::Maps;
use crate::{CoordinateFrame, Detection, Keypoint, Keypoints, Prediction};
use serde::{Deserialize, Serialize};

/// What a network's output for one image means. Part of a model file; validation and prediction
/// decode outputs by the same function, [`decode`](Self::decode).
///
/// In a file: `output = { kind = "coordinates_with_scale", likelihood = "laplace" }`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputSpec {
    /// `[2·n_keypoints]`: coordinates in [−1, 1], interleaved x₀, y₀, x₁, y₁, … (see
    /// [`CoordinateFrame`]).
    #[default]
    Coordinates,
    /// `[3·n_keypoints]`: coordinates as above, then for each keypoint a value r for the scale of
    /// its likelihood; `[3·n_keypoints + 1]` with a face score.
    ///
    /// The logarithm of the scale is s = −2 + 5·tanh((r + 2)/5), in units of half the crop's side
    /// (half the root of its area if it is not square). It is limited to −7 < s < 3, so that the
    /// loss stays finite for perfect and for very wrong predictions; unlike with a hard clamp the
    /// gradient never vanishes. On a crop of 96 px the scale is between 0.04 and 960 px.
    CoordinatesWithScale {
        /// The distribution whose scale is predicted.
        #[serde(default)]
        likelihood: Likelihood,
        /// Whether one more value follows for the image: z, of which 1 / (1 + e⁻ᶻ) is the
        /// probability that the image is a face. Trained with images that are not as well, see
        /// [`Sample::is_face`](crate::Sample::is_face).
        #[serde(default, skip_serializing_if = "is_false")]
        face_score: bool,
    },
    /// `[n_keypoints, height, width]`: for each keypoint a Gaussian of height 1 around it. Decoded
    /// at the highest pixel, refined to a fraction of a pixel. No standard deviation.
    ///
    /// A map covers the whole crop: pixel x of the crop is at (x + 0.5)·s − 0.5 in a map that is s
    /// times as wide, pixel centers at integers in both.
    Heatmap {
        /// Standard deviation of the Gaussians, in pixels of the map.
        #[serde(default = "default_sigma_px")]
        sigma_px: f64,
    },
    /// `[n_keypoints, height, width]`: scores whose softmax over a map is a distribution. The
    /// keypoint is its mean (differentiable spatial to numerical transform, Nibali et al. 2018;
    /// soft-argmax, Luvizon et al. 2017), with the distribution's standard deviation.
    ///
    /// A map covers the whole crop as above; the mean cannot lie beyond the centers of the
    /// outermost pixels.
    SoftArgmax,
    /// `[5, height, width]`: the faces of an image of any size, whose width and height are multiples
    /// of `stride`. Each pixel of the map stands for a cell of `stride × stride` pixels of the image
    /// and has z, dx, dy, log w, log h: with the probability 1 / (1 + e⁻ᶻ) the cell contains the
    /// center of a face, which is (dx, dy) cells from the center of the cell and (w, h) cells large
    /// (objects as points, Zhou et al. 2019).
    Boxes {
        /// Side of a cell in pixels of the image.
        stride: usize,
    },
}

/// The distribution of a keypoint's x and y around its prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// Laplace with scale b = σ/√2: corresponds to the mean absolute error, and is as robust to
    /// wrong labels.
    #[default]
    Laplace,
    /// Normal with standard deviation σ: corresponds to the mean squared error, and is dominated by
    /// outliers.
    Gaussian,
}

impl Likelihood {
    /// The standard deviation of a distribution of scale 1: 1 for the normal, √2 for Laplace.
    fn std_per_scale(self) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Laplace => std::f64::consts::SQRT_2,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn default_sigma_px() -> f64 {
    1.5
}

/// An output does not have the shape that its kind requires.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("an output of {keypoints} keypoints as {meaning} has the shape {expected}, got {actual:?}")]
pub struct OutputError {
    /// The kind of the output.
    pub meaning: &'static str,
    /// Number of keypoints.
    pub keypoints: usize,
    /// The shape that is required, in words.
    pub expected: String,
    /// The shape that was given, without the batch.
    pub actual: Vec<usize>,
}

crate::debug_as_sentence!(OutputError);

impl OutputSpec {
    /// Center and half width of the range of log scales (see [`Self::CoordinatesWithScale`]): a
    /// network's value r means a log scale of `center + half · tanh((r − center) / half)`.
    pub const LOG_SCALE: (f64, f64) = (-2.0, 5.0);

    /// Detections that overlap by more (intersection over union) are of one face.
    pub const MAX_IOU: f64 = cells::MAX_IOU;

    /// The name under which the kind is written in a file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Coordinates => "coordinates",
            Self::CoordinatesWithScale { .. } => "coordinates_with_scale",
            Self::Heatmap { .. } => "heatmap",
            Self::SoftArgmax => "soft_argmax",
            Self::Boxes { .. } => "boxes",
        }
    }

    /// The invalid field and why it is invalid; `None` if all are valid.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Heatmap { sigma_px } if !(*sigma_px > 0.0 && sigma_px.is_finite()) => Some(
                format!("output.sigma_px must be positive and finite, got {sigma_px}"),
            ),
            Self::Boxes { stride: 0 } => Some("output.stride must be at least 1, got 0".to_owned()),
            _ => None,
        }
    }

    /// Number of values of an output that is a vector; `None` if it is maps.
    pub fn vector_len(&self, keypoints: usize) -> Option<usize> {
        match self {
            Self::Coordinates => Some(2 * keypoints),
            Self::CoordinatesWithScale { face_score, .. } => {
                Some(3 * keypoints + usize::from(*face_score))
            }
            Self::Heatmap { .. } | Self::SoftArgmax | Self::Boxes { .. } => None,
        }
    }

    /// Number of maps of an output for an image; `None` if it is a vector.
    pub fn maps(&self, keypoints: usize) -> Option<usize> {
        match self {
            Self::Coordinates | Self::CoordinatesWithScale { .. } => None,
            Self::Heatmap { .. } | Self::SoftArgmax => Some(keypoints),
            Self::Boxes { .. } => Some(cells::CHANNELS),
        }
    }

    /// Number of keypoints of an output of this shape, without its batch dimension; that of the
    /// next smaller valid shape if it is not valid.
    pub fn keypoints_of(&self, shape: &[usize]) -> usize {
        match self {
            Self::Coordinates => shape.iter().product::<usize>() / 2,
            Self::CoordinatesWithScale { .. } => shape.iter().product::<usize>() / 3,
            Self::Heatmap { .. } | Self::SoftArgmax => shape.first().copied().unwrap_or(0),
            Self::Boxes { .. } => 0,
        }
    }

    /// The same output without a face score.
    ///
    /// ```
    /// use fkp_core::{Likelihood, OutputSpec};
    /// let likelihood = Likelihood::Laplace;
    /// let output = OutputSpec::CoordinatesWithScale { likelihood, face_score: true };
    /// assert_eq!(output.vector_len(68), Some(3 * 68 + 1));
    /// assert_eq!(output.without_face_score().vector_len(68), Some(3 * 68));
    /// ```
    #[must_use]
    pub fn without_face_score(self) -> Self {
        match self {
            Self::CoordinatesWithScale { likelihood, .. } => Self::CoordinatesWithScale {
                likelihood,
                face_score: false,
            },
            other => other,
        }
    }

    /// Whether the network predicts if an image is a face.
    pub fn has_face_score(&self) -> bool {
        matches!(
            self,
            Self::CoordinatesWithScale {
                face_score: true,
                ..
            }
        )
    }

    /// The distribution of the errors; `None` if no standard deviation is predicted.
    pub fn likelihood(&self) -> Option<Likelihood> {
        match self {
            Self::Coordinates | Self::Heatmap { .. } | Self::Boxes { .. } => None,
            Self::CoordinatesWithScale { likelihood, .. } => Some(*likelihood),
            Self::SoftArgmax => Some(Likelihood::Gaussian),
        }
    }

    /// Checks the shape of an output, without its batch dimension.
    ///
    /// # Errors
    /// If this kind of output has another shape.
    pub fn check_shape(&self, shape: &[usize], keypoints: usize) -> Result<(), OutputError> {
        let smallest = match self {
            Self::Boxes { .. } => 1,
            _ => 2,
        };
        let (fits, expected) = match (self.vector_len(keypoints), self.maps(keypoints)) {
            (Some(len), _) => (shape == [len], format!("[{len}]")),
            (None, maps) => {
                let maps = maps.unwrap_or(keypoints);
                (
                    matches!(*shape, [n, h, w] if n == maps && h >= smallest && w >= smallest),
                    format!("[{maps}, height, width] with sides of at least {smallest}"),
                )
            }
        };
        if fits {
            return Ok(());
        }
        Err(OutputError {
            meaning: self.kind(),
            keypoints,
            expected,
            actual: shape.to_vec(),
        })
    }

    /// Decodes a network's output for one image into keypoints in pixels of the crop.
    ///
    /// `values` is the output in row-major order, `shape` its dimensions without the batch.
    ///
    /// ```
    /// use fkp_core::{CoordinateFrame, Likelihood, OutputSpec};
    /// let likelihood = Likelihood::Gaussian;
    /// let output = OutputSpec::CoordinatesWithScale { likelihood, face_score: false };
    /// let frame = CoordinateFrame { width: 96, height: 96 };
    /// let found = output.decode(&[0.0, 0.5, -2.0], &[3], frame, 1)?;
    /// assert_eq!((found.keypoints[0].x, found.keypoints[0].y), (47.5, 71.5));
    /// assert!((found.sigma_px.unwrap()[0] - 48.0 * (-2f32).exp()).abs() < 1e-4);
    /// # Ok::<(), fkp_core::OutputError>(())
    /// ```
    ///
    /// # Errors
    /// If this kind of output has another shape.
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
            Self::CoordinatesWithScale {
                likelihood,
                face_score,
            } => {
                let (coordinates, others) = values.split_at(2 * keypoints);
                let (scales, score) = others.split_at(keypoints);
                let sigma = |&r: &f32| scale_px(r, frame) * likelihood.std_per_scale();
                Prediction {
                    keypoints: frame.keypoints(coordinates),
                    sigma_px: Some(scales.iter().map(|r| sigma(r) as f32).collect()),
                    face_score: face_score.then(|| 1.0 / (1.0 + (-score[0]).exp())),
                    detections: Vec::new(),
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
                    face_score: None,
                    detections: Vec::new(),
                }
            }
            Self::Boxes { stride } => Prediction {
                detections: cells::decode(values, [shape[1], shape[2]], stride, cells::MIN_SCORE),
                ..Prediction::default()
            },
        })
    }

    /// The faces with at least this score, from 0 to 1, in a detector's output for one image, in pixels of
    /// the input, those with the highest score first. Faster than [`Self::decode`], which looks at all cells
    /// with a score of at least 0.02; no lower ones are returned. No face of another kind of output.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_boxes(
        &self,
        values: &[f32],
        shape: &[usize],
        min_score: f32,
    ) -> Result<Vec<Detection>, OutputError> {
        let Self::Boxes { stride } = *self else {
            return Ok(Vec::new());
        };
        self.check_shape(shape, 0)?;
        Ok(cells::decode(
            values,
            [shape[1], shape[2]],
            stride,
            min_score,
        ))
    }
}

/// The scale of a likelihood in pixels of the crop, from the value r that a network predicts.
fn scale_px(r: f32, frame: CoordinateFrame) -> f64 {
    let (center, half) = OutputSpec::LOG_SCALE;
    let log_scale = center + half * ((f64::from(r) - center) / half).tanh();
    log_scale.exp() * half_side_px(frame)
}

/// Half the side of the crop, or half the root of its area if it is not square: the unit of scales.
fn half_side_px(frame: CoordinateFrame) -> f64 {
    ((frame.width * frame.height) as f64).sqrt() / 2.0
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
                face_score: false,
            },
            OutputSpec::CoordinatesWithScale {
                likelihood: Likelihood::Laplace,
                face_score: true,
            },
            OutputSpec::Heatmap { sigma_px: 2.0 },
            OutputSpec::SoftArgmax,
            OutputSpec::Boxes { stride: 8 },
        ] {
            assert_eq!(read(&toml::to_string(&output).unwrap()), output);
        }
        let scale = read("kind = 'coordinates_with_scale'");
        let likelihood = Likelihood::Laplace;
        let face_score = false;
        assert_eq!(
            scale,
            OutputSpec::CoordinatesWithScale {
                likelihood,
                face_score
            }
        );
        assert_eq!(read("kind = 'heatmap'").problem(), None);
        let bad = OutputSpec::Heatmap { sigma_px: 0.0 };
        assert!(bad.problem().unwrap().starts_with("output.sigma_px"));
    }

    #[test]
    fn a_wrong_shape_is_refused_with_both_shapes() {
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
            let output = OutputSpec::CoordinatesWithScale {
                likelihood,
                face_score: false,
            };
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

    /// Scores that are the logarithm of a Gaussian decode to its mean and standard deviation.
    #[test]
    fn soft_argmax_decodes_mean_and_standard_deviation() {
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
