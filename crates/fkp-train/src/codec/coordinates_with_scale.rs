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
}

impl CoordinatesWithScale {
    /// All keypoints have the same weight.
    pub fn new(frame: CoordinateFrame, likelihood: Likelihood) -> Self {
        Self {
            frame,
            likelihood,
            keypoint_weights: None,
        }
    }

    /// The unit of errors and scales, in pixels.
    fn unit_px(&self) -> f64 {
        ((self.frame.width * self.frame.height) as f64).sqrt() / 2.0
    }

    /// Coordinates `[n, 2·n_keypoints]` and logarithms of the scale `[n, n_keypoints]`.
    fn split(&self, output: &Tensor) -> Result<(Tensor, Tensor)> {
        let width = output.dims2()?.1;
        if !width.is_multiple_of(3) {
            bail!(
                "coordinates with scale: the output must be [n, 3·n_keypoints], got {width} columns"
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

impl Codec for CoordinatesWithScale {
    /// Values and weights are those of [`Coordinates`](crate::Coordinates).
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        encode(
            self.frame,
            self.keypoint_weights.as_deref(),
            samples,
            device,
        )
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let (keypoints, log_scale) = self.split(output)?;
        let side = |pixels: usize| pixels as f64 / 2.0 / self.unit_px();
        let error = (keypoints - &target.values)?;
        let error = scaled(&error, side(self.frame.width), side(self.frame.height))?;
        // One scale for the x and the y of a keypoint, interleaved like the errors.
        let log_scale = Tensor::stack(&[&log_scale, &log_scale], 2)?.flatten_from(1)?;
        let each = Nll::of_coordinates(self.likelihood, &error, &log_scale)?;
        (each * &target.weights)?.sum_all()
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        let likelihood = self.likelihood;
        let meaning = OutputSpec::CoordinatesWithScale { likelihood };
        decode_by(&meaning, output, self.frame)
    }

    fn describe(&self) -> String {
        let (likelihood, weights) = (self.likelihood, &self.keypoint_weights);
        format!("coordinates with a scale, {likelihood:?} likelihood, weights {weights:?}")
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
