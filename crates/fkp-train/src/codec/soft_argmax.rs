//! The codec of networks whose maps are reduced to coordinates by a soft-argmax.

use super::coordinates::Coordinates;
use super::interface::{Codec, Target};
use super::labels::decode_by;
use crate::loss::Loss;
use candle_core::{D, DType, Device, Result, Tensor, bail};
use candle_nn::ops::log_softmax;
use fkp_core::{CoordinateFrame, OutputSpec, Prediction, Sample};

/// A regularizer that penalizes the divergence of each map's distribution from a Gaussian around
/// its keypoint (Nibali et al. 2018).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JensenShannon {
    /// Weight of the divergence in the loss, λ in the paper.
    pub weight: f64,
    /// Standard deviation of the Gaussian, in pixels of the map.
    pub sigma_px: f64,
}

impl Default for JensenShannon {
    /// λ = 1 and σ = 1 px, as in the paper.
    fn default() -> Self {
        Self {
            weight: 1.0,
            sigma_px: 1.0,
        }
    }
}

/// The codec of [`OutputSpec::SoftArgmax`]: the softmax of a map is a distribution, and its mean is
/// the keypoint.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftArgmax {
    /// The crop's size, and the loss of the means.
    pub coordinates: Coordinates,
    /// Adds λ times the Jensen–Shannon divergence between the map's distribution and a Gaussian, in
    /// nats, from 0 to ln 2, to the loss of each coordinate.
    pub regularizer: Option<JensenShannon>,
}

impl SoftArgmax {
    /// All keypoints have the same weight, errors are in the loss's default unit, and the
    /// regularizer is that of the paper.
    pub fn new(frame: CoordinateFrame, loss: impl Into<Loss>) -> Self {
        Self {
            coordinates: Coordinates::new(frame, loss),
            regularizer: Some(JensenShannon::default()),
        }
    }
}

impl Codec for SoftArgmax {
    /// Values and weights are those of [`Coordinates`](crate::Coordinates).
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        if let Some(JensenShannon { weight, sigma_px }) = self.regularizer
            && !(weight >= 0.0 && weight.is_finite() && sigma_px > 0.0 && sigma_px.is_finite())
        {
            bail!(
                "soft-argmax: the regularizer {:?} is invalid",
                self.regularizer
            );
        }
        self.coordinates.encode(samples, device)
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let maps = log_softmax(&output.flatten_from(2)?, D::Minus1)?;
        let (_, _, height, width) = output.dims4()?;
        let predicted = means(&maps, (width, height))?;
        let sum = self.coordinates.loss(&predicted, target)?;
        let Some(JensenShannon { weight, sigma_px }) = self.regularizer else {
            return Ok(sum);
        };
        let (n, keypoints, _) = maps.dims3()?;
        let gaussians = gaussians(&target.values, (width, height), sigma_px)?;
        let divergence = jensen_shannon(&maps, &gaussians)?;
        // The divergence counts for both coordinates of a keypoint, like the loss.
        let weights = target.weights.reshape((n, keypoints, 2))?.sum(2)?;
        sum + (divergence * weights)?.sum_all()?.affine(weight, 0.0)?
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        decode_by(&OutputSpec::SoftArgmax, output, self.coordinates.frame)
    }

    fn describe(&self) -> String {
        let Coordinates {
            loss,
            unit,
            keypoint_weights: weights,
            ..
        } = &self.coordinates;
        let with = &self.regularizer;
        format!("soft-argmax, {loss:?} of {unit:?}, regularizer {with:?}, weights {weights:?}")
    }
}

/// The means, `[n, 2·n_keypoints]` in [−1, 1], of distributions `[n, n_keypoints, height·width]`
/// given by their logarithms.
fn means(log_maps: &Tensor, (width, height): (usize, usize)) -> Result<Tensor> {
    let (n, keypoints, _) = log_maps.dims3()?;
    let maps = log_maps.exp()?.reshape((n, keypoints, height, width))?;
    let mean = |marginal: Tensor, count: usize| {
        let centers = (0..count).map(|i| (2 * i + 1) as f64 / count as f64 - 1.0);
        let centers = Tensor::from_iter(centers, maps.device())?.to_dtype(maps.dtype())?;
        marginal.broadcast_mul(&centers)?.sum(2)
    };
    let (u, v) = (mean(maps.sum(2)?, width)?, mean(maps.sum(3)?, height)?);
    Tensor::stack(&[u, v], 2)?.flatten_from(1)
}

/// The logarithms of normalized Gaussians around keypoints `[n, 2·n_keypoints]` in [−1, 1], as
/// `[n, n_keypoints, height·width]`.
fn gaussians(keypoints: &Tensor, (width, height): (usize, usize), sigma_px: f64) -> Result<Tensor> {
    let (n, columns) = keypoints.dims2()?;
    let keypoints = keypoints.detach().reshape((n, columns / 2, 2))?;
    // The logarithm of the normalized Gaussian along one axis. A keypoint far outside, whose
    // Gaussian would be 0 everywhere, has its whole weight on the nearest pixel.
    let along = |axis: usize, count: usize| {
        let half = count as f64 / 2.0;
        let mean = keypoints.narrow(2, axis, 1)?.affine(half, half - 0.5)?;
        let pixels =
            Tensor::arange(0, count as u32, keypoints.device())?.to_dtype(keypoints.dtype())?;
        let squares = mean.broadcast_sub(&pixels)?.sqr()?;
        log_softmax(
            &squares.affine(-0.5 / (sigma_px * sigma_px), 0.0)?,
            D::Minus1,
        )
    };
    let (across, down) = (
        along(0, width)?.unsqueeze(2)?,
        along(1, height)?.unsqueeze(3)?,
    );
    down.broadcast_add(&across)?.flatten_from(2)
}

/// The Jensen–Shannon divergences `[n, n_keypoints]`, in nats, of two distributions over the last
/// dimension, given by their logarithms.
fn jensen_shannon(log_p: &Tensor, log_q: &Tensor) -> Result<Tensor> {
    let (p, q) = (log_p.exp()?, log_q.exp()?);
    // Keeps the logarithm of the mean finite where both are 0.
    let floor = match p.dtype() {
        DType::F32 | DType::F64 | DType::BF16 => 1e-30,
        _ => 1e-7,
    };
    let log_mean = (&p + &q)?.affine(0.5, floor)?.log()?;
    let from_mean = |p: &Tensor, log_p: &Tensor| (p * (log_p - &log_mean)?)?.sum(D::Minus1);
    (from_mean(&p, log_p)? + from_mean(&q, log_q)?)?.affine(0.5, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{EncodeKeypoints, check_gradient, check_training, random};
    use crate::loss::{Mae, Mse, Wing};
    use candle_core::Var;
    use fkp_core::{Keypoint, Keypoints};

    const FRAME: CoordinateFrame = CoordinateFrame {
        width: 64,
        height: 32,
    };

    fn codecs() -> Vec<SoftArgmax> {
        let plain = |loss: Mse| SoftArgmax {
            regularizer: None,
            ..SoftArgmax::new(FRAME, loss)
        };
        vec![
            plain(Mse),
            SoftArgmax::new(FRAME, Mae),
            SoftArgmax::new(FRAME, Wing::default()),
        ]
    }

    #[test]
    fn gradients_match_finite_differences() {
        let keypoints = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        for mut codec in codecs() {
            codec.coordinates.keypoint_weights = Some(vec![0.7, 1.0]);
            let output = random(5, &[1, 2, 4, 6]).affine(2.0, 0.0).unwrap();
            check_gradient(&codec, std::slice::from_ref(&keypoints), &output);
        }
    }

    #[test]
    fn means_and_losses_are_those_of_pytorch() {
        let list = crate::golden::golden("soft_argmax");
        let tensor = |name: &str, shape: &[usize]| {
            Tensor::from_vec(list(name), shape, &Device::Cpu).unwrap()
        };
        let output = Var::from_tensor(&tensor("output", &[2, 2, 5, 7])).unwrap();
        let target = Target {
            values: tensor("values", &[2, 4]),
            weights: tensor("weights", &[2, 4]),
            total_weight: 0.0,
        };
        let codec = SoftArgmax {
            regularizer: Some(JensenShannon {
                weight: 0.6,
                sigma_px: 1.2,
            }),
            ..SoftArgmax::new(FRAME, Mse)
        };
        let loss = codec.loss(&output, &target).unwrap();
        let (got, expected) = (loss.to_scalar::<f64>().unwrap(), list("loss")[0]);
        assert!((got - expected).abs() < 1e-10, "{got} {expected}");
        let grads = loss.backward().unwrap();
        let grad = grads.get(&output).unwrap().flatten_all().unwrap();
        for (got, expected) in grad.to_vec1::<f64>().unwrap().iter().zip(list("grad")) {
            assert!((got - expected).abs() < 1e-10, "{got} {expected}");
        }
        let maps = log_softmax(&output.flatten_from(2).unwrap(), D::Minus1).unwrap();
        let means = means(&maps, (7, 5)).unwrap().flatten_all().unwrap();
        for (got, expected) in means.to_vec1::<f64>().unwrap().iter().zip(list("means")) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }

    /// The mean of a Gaussian around a keypoint is the keypoint, in pixels of the crop.
    #[test]
    fn decode_finds_the_center_of_a_gaussian() {
        let keypoints = Keypoints::from_xy(&[[20.3, 15.5], [31.5, 12.1], [42.0, 17.9]]);
        for codec in codecs() {
            let target = codec
                .encode_keypoints(std::slice::from_ref(&keypoints))
                .unwrap();
            for (width, height) in [(32, 16), (31, 17), (64, 32)] {
                let maps = gaussians(&target.values, (width, height), 1.0).unwrap();
                let maps = maps.reshape((1, 3, height, width)).unwrap();
                // Scores are logarithms up to a constant.
                let decoded = codec.decode(&maps.affine(1.0, 7.0).unwrap()).unwrap();
                for (a, b) in decoded[0].keypoints.iter().zip(keypoints.iter()) {
                    assert!(a.distance(b) < 2e-3, "{width}×{height}: {a:?} {b:?}");
                }
                if let Some(JensenShannon { .. }) = codec.regularizer {
                    let loss = codec.loss(&maps, &target).unwrap();
                    assert!(loss.to_scalar::<f32>().unwrap().abs() < 0.05);
                }
            }
        }
    }

    #[test]
    fn missing_labels_have_no_weight_and_gradients_of_sharp_maps_are_finite() {
        let truth = Keypoints::new(vec![
            Keypoint::new(40.0, 20.0),
            Keypoint::unlabeled(),
            Keypoint::new(-500.0, 4000.0),
        ]);
        for codec in codecs() {
            let target = codec
                .encode_keypoints(std::slice::from_ref(&truth))
                .unwrap();
            assert_eq!(target.total_weight, 4.0);
            let scores = random(6, &[1, 3, 8, 16]).to_dtype(DType::F32).unwrap();
            for sharpness in [1.0, 1e4] {
                let output = Var::from_tensor(&scores.affine(sharpness, 0.0).unwrap()).unwrap();
                let loss = codec.loss(&output, &target).unwrap();
                assert!(loss.to_scalar::<f32>().unwrap().is_finite());
                let grads = loss.backward().unwrap();
                let grad = grads.get(&output).unwrap().abs().unwrap();
                let per_keypoint = grad.sum((2, 3)).unwrap().to_vec2::<f32>().unwrap();
                assert!(per_keypoint[0].iter().all(|g| g.is_finite()));
                assert_eq!(per_keypoint[0][1], 0.0);
                assert!(sharpness > 1.0 || per_keypoint[0][0] > 0.0);
            }
        }
    }

    #[test]
    fn networks_can_be_trained() {
        for codec in codecs() {
            check_training(&codec, FRAME, &[2, 8, 16], 0.5);
        }
        let codec = SoftArgmax {
            regularizer: Some(JensenShannon {
                weight: 1.0,
                sigma_px: 0.0,
            }),
            ..SoftArgmax::new(FRAME, Mae)
        };
        assert!(codec.encode_keypoints(&[Keypoints::unlabeled(1)]).is_err());
    }
}
