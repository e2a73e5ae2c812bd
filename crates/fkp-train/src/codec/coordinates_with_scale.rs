//! The codec of networks that output coordinates and a standard deviation for each keypoint.

use super::coordinates::{encode, scaled};
use super::interface::{Codec, Target};
use super::labels::decode_by;
use crate::loss::Nll;
use candle_core::{Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Likelihood, OutputSpec, Prediction, Sample};

/// The codec of [`OutputSpec::CoordinatesWithScale`]: coordinates, and for each keypoint the scale
/// of its error.
///
/// The loss is the negative log-likelihood without its constant, and may be below 0: |e| / b + ln b
/// for each coordinate of a Laplace likelihood, e² / 2σ² + ln σ of a Gaussian one, PyTorch's
/// `GaussianNLLLoss` (Nix & Weigend 1994; Kendall & Gal 2017).
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinatesWithScale {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// The distribution of the errors.
    pub likelihood: Likelihood,
    /// The weight of each keypoint in the loss, at least 0; all 1 if absent.
    pub keypoint_weights: Option<Vec<f32>>,
    /// Whether the output also has a face score. Its loss is the binary cross-entropy, with a tenth
    /// of the weight that the coordinates of a sample have together.
    pub face_score: bool,
}

/// The weight of the face score in the loss, per coordinate of the sample.
const FACE_SCORE_WEIGHT: f64 = 0.1;

impl CoordinatesWithScale {
    /// All keypoints have the same weight.
    pub fn new(frame: CoordinateFrame, likelihood: Likelihood) -> Self {
        Self {
            frame,
            likelihood,
            keypoint_weights: None,
            face_score: false,
        }
    }

    /// The unit of errors and scales, in pixels.
    fn unit_px(&self) -> f64 {
        ((self.frame.width * self.frame.height) as f64).sqrt() / 2.0
    }

    /// Coordinates `[n, 2·n_keypoints]` and logarithms of the scale `[n, n_keypoints]`.
    fn split(&self, output: &Tensor) -> Result<(Tensor, Tensor)> {
        let columns = output.dims2()?.1;
        let (width, expected) = match self.face_score {
            true => (columns.saturating_sub(1), "3·n_keypoints + 1"),
            false => (columns, "3·n_keypoints"),
        };
        if !width.is_multiple_of(3) {
            bail!(
                "coordinates with scale: the output must be [n, {expected}], got {columns} columns"
            );
        }
        let keypoints = width / 3;
        let raw = output.narrow(1, 2 * keypoints, keypoints)?;
        let (center, half) = OutputSpec::LOG_SCALE;
        let log_scale = raw.affine(1.0 / half, -center / half)?.tanh()?;
        let log_scale = log_scale.affine(half, center)?;
        Ok((output.narrow(1, 0, 2 * keypoints)?, log_scale))
    }
}

/// Appends a column for the face score to a target of coordinates.
fn append_face_score(target: &Target, samples: &[Sample]) -> Result<Target> {
    let (n, coordinates) = target.values.dims2()?;
    let truth = samples.iter().map(|s| f32::from(u8::from(s.is_face)));
    let truth: Vec<f32> = truth.collect();
    let weight = (FACE_SCORE_WEIGHT * coordinates as f64) as f32;
    let device = target.values.device();
    let truth = Tensor::from_vec(truth, (n, 1), device)?;
    let weights = Tensor::full(weight, (n, 1), device)?;
    Ok(Target {
        values: Tensor::cat(&[&target.values, &truth], 1)?,
        weights: Tensor::cat(&[&target.weights, &weights], 1)?,
        total_weight: target.total_weight + f64::from(weight) * n as f64,
    })
}

/// −ln p of the truth, where p = 1 / (1 + e⁻ᶻ) is the probability of 1: max(z, 0) − z·truth +
/// ln(1 + e^−|z|), PyTorch's `BCEWithLogitsLoss`.
fn binary_cross_entropy(z: &Tensor, truth: &Tensor) -> Result<Tensor> {
    let rest = (z.abs()?.neg()?.exp()? + 1.0)?.log()?;
    (z.relu()? - (z * truth)?)? + rest
}

impl Codec for CoordinatesWithScale {
    /// Values and weights are those of [`Coordinates`](crate::Coordinates), with one more column for
    /// the face score: 1 for a face.
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        let target = encode(
            self.frame,
            self.keypoint_weights.as_deref(),
            samples,
            device,
        )?;
        match self.face_score {
            true => append_face_score(&target, samples),
            false => Ok(target),
        }
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let (keypoints, log_scale) = self.split(output)?;
        let side = |pixels: usize| pixels as f64 / 2.0 / self.unit_px();
        let coordinates = keypoints.dim(1)?;
        let error = (keypoints - target.values.narrow(1, 0, coordinates)?)?;
        let error = scaled(&error, side(self.frame.width), side(self.frame.height))?;
        // One scale for the x and the y of a keypoint, interleaved like the errors.
        let log_scale = Tensor::stack(&[&log_scale, &log_scale], 2)?.flatten_from(1)?;
        let each = Nll::of_coordinates(self.likelihood, &error, &log_scale)?;
        let loss = (each * target.weights.narrow(1, 0, coordinates)?)?.sum_all()?;
        if !self.face_score {
            return Ok(loss);
        }
        // The last column of each.
        let z = output.narrow(1, coordinates / 2 * 3, 1)?;
        let each = binary_cross_entropy(&z, &target.values.narrow(1, coordinates, 1)?)?;
        loss + (each * target.weights.narrow(1, coordinates, 1)?)?.sum_all()?
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        let meaning = OutputSpec::CoordinatesWithScale {
            likelihood: self.likelihood,
            face_score: self.face_score,
        };
        decode_by(&meaning, output, self.frame)
    }

    fn describe(&self) -> String {
        let (likelihood, weights) = (self.likelihood, &self.keypoint_weights);
        let score = if self.face_score {
            " and a face score"
        } else {
            ""
        };
        format!("coordinates with a scale{score}, {likelihood:?} likelihood, weights {weights:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{EncodeKeypoints, check_gradient, check_training, random, wide};
    use candle_core::Var;
    use fkp_core::{Keypoint, Keypoints};

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 96,
        height: 96,
    };
    const WIDE: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };

    #[test]
    fn gradients_match_finite_differences() {
        let keypoints = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        for likelihood in [Likelihood::Gaussian, Likelihood::Laplace] {
            let codec = CoordinatesWithScale::new(WIDE, likelihood);
            check_gradient(
                &codec,
                &[keypoints.clone(), keypoints.clone()],
                &random(2, &[2, 6]),
            );
        }
    }

    fn samples(faces: &[Keypoints], others: usize) -> Vec<Sample> {
        let image = fkp_core::Image::filled(1, 1, 1, 0);
        let sample = |keypoints: &Keypoints| Sample::new("a", image.clone(), keypoints.clone());
        let mut samples: Vec<Sample> = faces.iter().map(sample).collect();
        let len = faces.first().map_or(2, |keypoints| keypoints.len());
        samples.extend((0..others).map(|_| Sample {
            is_face: false,
            ..sample(&Keypoints::unlabeled(len))
        }));
        samples
    }

    #[test]
    fn losses_with_a_face_score_add_up_over_batches() {
        let codec = CoordinatesWithScale {
            face_score: true,
            ..CoordinatesWithScale::new(FRAME, Likelihood::Laplace)
        };
        let faces = [Keypoints::from_xy(&[[3.0, 40.0], [50.0, 60.0]])];
        let (all, output) = (samples(&faces, 2), random(9, &[3, 7]));
        let sums = |samples: &[Sample], output: Tensor| {
            let target = codec.encode(samples, &Device::Cpu).unwrap();
            let output = output.to_dtype(candle_core::DType::F32).unwrap();
            let loss = codec.loss(&output, &target).unwrap();
            [
                f64::from(loss.to_scalar::<f32>().unwrap()),
                target.total_weight,
            ]
        };
        let whole = sums(&all, output.clone());
        // The second part has no face.
        let first = sums(&all[..1], output.narrow(0, 0, 1).unwrap());
        let second = sums(&all[1..], output.narrow(0, 1, 2).unwrap());
        for i in 0..2 {
            assert!((whole[i] - first[i] - second[i]).abs() < 1e-5, "{whole:?}");
        }
    }

    /// The score of an image that is not a face has a gradient, its keypoints have none.
    #[test]
    fn the_face_score_is_trained_by_the_cross_entropy() {
        let codec = CoordinatesWithScale {
            face_score: true,
            ..CoordinatesWithScale::new(WIDE, Likelihood::Laplace)
        };
        let face = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        let truths = [face.clone(), Keypoints::unlabeled(2)];
        check_gradient(&codec, &truths, &random(5, &[2, 7]));
        let (face, other) = (samples(&[face], 0), samples(&[], 1));
        let encode = |samples: &[Sample]| codec.encode(samples, &Device::Cpu).unwrap();
        let weight = FACE_SCORE_WEIGHT * 4.0;
        assert!((encode(&face).total_weight - (2.0 + weight)).abs() < 1e-6);
        assert!((encode(&other).total_weight - weight).abs() < 1e-6);
        let output = Var::new(&[[0.1f32, 0.2, 9.0, -9.0, 0.5, -80.0, 0.7]], &Device::Cpu).unwrap();
        let loss = codec.loss(&output, &encode(&other)).unwrap();
        let grads = loss.backward().unwrap();
        let grad = grads.get(&output).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(grad[0][..6], [0.0; 6]);
        let sigmoid = 1.0 / (1.0 + (-0.7f32).exp());
        assert!((grad[0][6] / weight as f32 - sigmoid).abs() < 1e-5);
        // A certain and wrong score costs its distance from 0, a certain and right one nothing.
        let loss = |z: f32, samples: &[Sample]| {
            let target = encode(samples);
            let output = Tensor::new(&[[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, z]], &Device::Cpu).unwrap();
            let loss = codec.loss(&output, &target).unwrap();
            f64::from(loss.to_scalar::<f32>().unwrap()) / weight
        };
        assert!((loss(0.0, &other) - 2f64.ln()).abs() < 1e-6);
        assert!((loss(90.0, &other) - 90.0).abs() < 1e-4);
        assert!(loss(-90.0, &other).abs() < 1e-6);
        assert!((loss(-90.0, &face) - loss(90.0, &face) - 90.0).abs() < 1e-3);
        let output = Tensor::new(&[[0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 3f32.ln()]], &Device::Cpu);
        let found = codec.decode(&output.unwrap()).unwrap();
        assert!((found[0].face_score.unwrap() - 0.75).abs() < 1e-6);
    }

    #[test]
    fn losses_and_gradients_are_those_of_pytorch() {
        let list = crate::golden::golden("uncertain");
        let output = Var::from_vec(list("output"), (2, 6), &Device::Cpu).unwrap();
        let tensor = |name| Tensor::from_vec(list(name), (2, 4), &Device::Cpu).unwrap();
        let target = Target {
            values: tensor("values"),
            weights: tensor("weights"),
            total_weight: 0.0,
        };
        for (name, likelihood) in [
            ("gaussian", Likelihood::Gaussian),
            ("laplacian", Likelihood::Laplace),
        ] {
            let loss = CoordinatesWithScale::new(FRAME, likelihood)
                .loss(&output, &target)
                .unwrap();
            let (got, expected) = (loss.to_scalar::<f64>().unwrap(), list(name)[0]);
            assert!((got - expected).abs() < 1e-10, "{name}: {got} {expected}");
            let grads = loss.backward().unwrap();
            let grad = grads.get(&output).unwrap().flatten_all().unwrap();
            let pairs = grad.to_vec1::<f64>().unwrap();
            for (got, expected) in pairs.iter().zip(list(&format!("{name}.grad"))) {
                assert!((got - expected).abs() < 1e-10, "{name}: {got} {expected}");
            }
        }
    }

    #[test]
    fn missing_labels_have_no_weight() {
        let truth = Keypoints::new(vec![Keypoint::new(40.0, 20.0), Keypoint::unlabeled()]);
        for likelihood in [Likelihood::Gaussian, Likelihood::Laplace] {
            let codec = CoordinatesWithScale::new(FRAME, likelihood);
            let target = codec
                .encode_keypoints(std::slice::from_ref(&truth))
                .unwrap();
            assert_eq!(target.total_weight, 2.0);
            let output = Var::new(&[[0.1f32, 0.2, 9.0, -9.0, 0.5, -80.0]], &Device::Cpu).unwrap();
            let loss = codec.loss(&output, &target).unwrap();
            let grads = loss.backward().unwrap();
            let grad = grads.get(&output).unwrap().to_vec2::<f32>().unwrap();
            assert_eq!([grad[0][2], grad[0][3], grad[0][5]], [0.0; 3]);
            assert!(grad[0][0] != 0.0 && grad[0][4] != 0.0);
        }
    }

    /// The standard deviation of the first keypoint of each image.
    fn sigmas(codec: &CoordinatesWithScale, output: &Tensor) -> Vec<f32> {
        let decoded = codec.decode(output).unwrap();
        let first = |found: &Prediction| found.sigma_px.as_ref().unwrap()[0];
        decoded.iter().map(first).collect()
    }

    #[test]
    fn scales_are_bounded_and_in_pixels() {
        let output = Tensor::new(&[[0f32, 0.0, -1e6], [0.0, 0.0, 1e6]], &Device::Cpu).unwrap();
        let scales = sigmas(
            &CoordinatesWithScale::new(FRAME, Likelihood::Gaussian),
            &output,
        );
        assert!((scales[0] / (48.0 * (-7f32).exp()) - 1.0).abs() < 1e-4);
        assert!((scales[1] / (48.0 * 3f32.exp()) - 1.0).abs() < 1e-4);
        let codec = CoordinatesWithScale::new(WIDE, Likelihood::Laplace);
        let output = Tensor::new(&[[0f32, 0.0, -2.0]], &Device::Cpu).unwrap();
        let expected = 2f64.sqrt() * 2048f64.sqrt() / 2.0 * (-2f64).exp();
        let got = f64::from(sigmas(&codec, &output)[0]);
        assert!((got / expected - 1.0).abs() < 1e-5, "{got} {expected}");
        // A perfect and a very wrong prediction, at both limits of the scale.
        for r in [-1e4, 1e4] {
            let output = Var::new(&[[0f64, 0.0, r], [50.0, 0.0, r]], &Device::Cpu).unwrap();
            let truth = Keypoints::from_xy(&[[47.5, 47.5]]);
            let codec = CoordinatesWithScale::new(FRAME, Likelihood::Gaussian);
            let target = codec.encode_keypoints(&[truth.clone(), truth]);
            let loss = codec.loss(&output, &wide(&target.unwrap())).unwrap();
            assert!(loss.to_scalar::<f64>().unwrap().is_finite());
        }
    }

    /// For keypoints that cannot be predicted, the learned scale is their spread.
    #[test]
    fn the_learned_scale_is_the_spread_of_the_keypoints() {
        let truth: Vec<_> = (0..64)
            .map(|i| {
                let u = (f64::from(i) + 0.5) / 64.0;
                // Quantiles of the Laplacian with b = 3 px.
                let x = if u < 0.5 {
                    3.0 * (2.0 * u).ln()
                } else {
                    -3.0 * (2.0 - 2.0 * u).ln()
                };
                Keypoints::from_xy(&[[47.5 + x as f32, 47.5 + x as f32]])
            })
            .collect();
        let xs = truth.iter().map(|t| f64::from(t[0].x) - 47.5);
        let (mean_abs, mean_sqr) = xs.fold((0.0, 0.0), |(a, s), x| {
            (a + x.abs() / 64.0, s + x * x / 64.0)
        });
        for (likelihood, expected) in [
            (Likelihood::Gaussian, mean_sqr.sqrt()),
            (Likelihood::Laplace, 2f64.sqrt() * mean_abs),
        ] {
            let codec = CoordinatesWithScale::new(FRAME, likelihood);
            let target = codec.encode_keypoints(&truth).unwrap();
            let raw = Var::new(&[[0f32]], &Device::Cpu).unwrap();
            let config = crate::OptimizerConfig::default();
            let vars = vec![("raw".to_owned(), raw.clone())];
            let mut optimizer = crate::Optimizer::new(vars, &config, None).unwrap();
            let output = || {
                let xy = Tensor::zeros((64, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
                let raw = raw.broadcast_as((64, 1)).unwrap();
                Tensor::cat(&[&xy, &raw], 1).unwrap()
            };
            for _ in 0..300 {
                let mean = (codec.loss(&output(), &target).unwrap() / 128.0).unwrap();
                let gradients = fkp_kernels::backward(&mean).unwrap();
                let stepped = optimizer.step(&gradients, 0.05).unwrap();
                assert_eq!(stepped.not_finite, None);
            }
            let sigma = f64::from(sigmas(&codec, &output())[0]);
            assert!((sigma / expected - 1.0).abs() < 0.02, "{sigma} {expected}");
        }
    }

    #[test]
    fn networks_can_be_trained_and_decoded() {
        for likelihood in [Likelihood::Gaussian, Likelihood::Laplace] {
            check_training(
                &CoordinatesWithScale::new(FRAME, likelihood),
                FRAME,
                &[6],
                0.5,
            );
        }
        let codec = CoordinatesWithScale::new(FRAME, Likelihood::Gaussian);
        let output = Tensor::zeros((1, 7), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(codec.decode(&output).is_err());
    }
}
