//! The codec of networks that output coordinates.

use super::interface::{Codec, Target};
use super::labels::{decode_by, label_weights};
use crate::loss::{Loss, LossUnit};
use candle_core::{Device, Result, Tensor};
use fkp_core::{CoordinateFrame, OutputSpec, Prediction, Sample};

/// The codec of outputs `[n, 2·n_keypoints]` that are coordinates in [−1, 1], interleaved x₀, y₀,
/// x₁, y₁, … (see [`CoordinateFrame`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// The loss of each coordinate.
    pub loss: Loss,
    /// The unit of the errors that the loss is computed from.
    pub unit: LossUnit,
    /// The weight of each keypoint in the loss, at least 0; all 1 if absent.
    pub keypoint_weights: Option<Vec<f32>>,
}

impl Coordinates {
    /// All keypoints have the same weight, and errors are in the loss's default unit.
    pub fn new(frame: CoordinateFrame, loss: impl Into<Loss>) -> Self {
        let loss = loss.into();
        Self {
            frame,
            loss,
            unit: loss.default_unit(),
            keypoint_weights: None,
        }
    }
}

impl Codec for Coordinates {
    fn encode(&self, samples: &[Sample], device: &Device) -> Result<Target> {
        encode(
            self.frame,
            self.keypoint_weights.as_deref(),
            samples,
            device,
        )
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let mut error = (output - &target.values)?;
        if self.unit == LossUnit::Pixels {
            let CoordinateFrame { width, height } = self.frame;
            error = scaled(&error, width as f64 / 2.0, height as f64 / 2.0)?;
        }
        (self.loss.each(&error)? * &target.weights)?.sum_all()
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Prediction>> {
        decode_by(&OutputSpec::Coordinates, output, self.frame)
    }

    fn describe(&self) -> String {
        let (loss, unit, weights) = (self.loss, self.unit, &self.keypoint_weights);
        format!("coordinates, {loss:?} of {unit:?}, weights {weights:?}")
    }
}

/// The target of [`Coordinates`]: values and weights, both `[n, 2·n_keypoints]`.
pub(super) fn encode(
    frame: CoordinateFrame,
    keypoint_weights: Option<&[f32]>,
    samples: &[Sample],
    device: &Device,
) -> Result<Target> {
    let weights = label_weights(samples, keypoint_weights)?;
    let shape = (samples.len(), 2 * weights.len() / samples.len());
    let mut values = Vec::with_capacity(2 * weights.len());
    for keypoint in samples.iter().flat_map(|sample| sample.keypoints.iter()) {
        let (u, v) = match keypoint.is_labeled() {
            true => frame.to_norm(keypoint.x, keypoint.y),
            false => (0.0, 0.0),
        };
        values.extend([u, v]);
    }
    let weights: Vec<f32> = weights.iter().flat_map(|w| [*w; 2]).collect();
    let total_weight = weights.iter().map(|w| f64::from(*w)).sum();
    Ok(Target {
        values: Tensor::from_vec(values, shape, device)?,
        weights: Tensor::from_vec(weights, shape, device)?,
        total_weight,
    })
}

/// Interleaved x and y, multiplied by a factor for x and one for y.
pub(super) fn scaled(xy: &Tensor, x_factor: f64, y_factor: f64) -> Result<Tensor> {
    if x_factor == y_factor {
        return xy.affine(x_factor, 0.0);
    }
    let factors = [x_factor, y_factor].repeat(xy.dim(1)? / 2);
    let factors = Tensor::new(factors, xy.device())?.to_dtype(xy.dtype())?;
    xy.broadcast_mul(&factors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::{EncodeKeypoints, check_gradient, check_training, random};
    use crate::loss::{Mae, Mse, SmoothL1, SoftWing, Wing};
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
    fn losses() -> [Loss; 5] {
        [
            Mae.into(),
            Mse.into(),
            SmoothL1::default().into(),
            Wing::default().into(),
            SoftWing::default().into(),
        ]
    }

    /// A missing label is masked, not zero-filled: it affects neither loss nor gradient.
    #[test]
    fn missing_labels_have_no_weight() {
        let truth = Keypoints::new(vec![Keypoint::new(47.5, 71.5), Keypoint::unlabeled()]);
        for (loss, expected, gradient) in [(Loss::from(Mae), 1.0, 1.0), (Mse.into(), 0.5, 1.0)] {
            let codec = Coordinates::new(FRAME, loss);
            let target = codec
                .encode_keypoints(std::slice::from_ref(&truth))
                .unwrap();
            assert_eq!(target.total_weight, 2.0);
            let output = Var::new(&[[0.5f32, 0.0, 123.0, -55.0]], &Device::Cpu).unwrap();
            let sum = codec.loss(&output, &target).unwrap();
            assert_eq!(sum.to_scalar::<f32>().unwrap(), expected);
            let grads = sum.backward().unwrap();
            let grad = grads.get(&output).unwrap().to_vec2::<f32>().unwrap();
            assert_eq!(grad, [[gradient, -gradient, 0.0, 0.0]]);
        }
    }

    #[test]
    fn errors_are_in_the_unit_of_the_codec() {
        let truth = Keypoints::from_xy(&[[10.0, 20.0]]);
        let guess = Keypoints::from_xy(&[[13.0, 16.0]]);
        let mut codec = Coordinates::new(WIDE, Mae);
        codec.unit = LossUnit::Pixels;
        let encode = |keypoints: &Keypoints| {
            codec
                .encode_keypoints(std::slice::from_ref(keypoints))
                .unwrap()
        };
        let loss = codec.loss(&encode(&guess).values, &encode(&truth)).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() - 7.0).abs() < 1e-5);
        assert_eq!(Coordinates::new(WIDE, Mae).unit, LossUnit::Normalized);
        assert_eq!(
            Coordinates::new(WIDE, Wing::default()).unit,
            LossUnit::Pixels
        );
    }

    #[test]
    fn keypoints_are_weighted() {
        let mut codec = Coordinates::new(FRAME, Mae);
        codec.keypoint_weights = Some(vec![2.0, 0.0, 0.5]);
        let keypoints = Keypoints::new(vec![
            Keypoint::new(47.5, 47.5),
            Keypoint::new(1.0, 1.0),
            Keypoint::unlabeled(),
        ]);
        let target = codec.encode_keypoints(&[keypoints]).unwrap();
        assert_eq!(target.total_weight, 4.0);
        let output = Tensor::new(&[[0.25f32, -0.5, 9.0, 9.0, 9.0, 9.0]], &Device::Cpu).unwrap();
        let loss = codec.loss(&output, &target).unwrap();
        assert_eq!(loss.to_scalar::<f32>().unwrap(), 1.5);

        let refused = |weights: &[f32]| {
            let codec = Coordinates {
                keypoint_weights: Some(weights.to_vec()),
                ..codec.clone()
            };
            let error = codec.encode_keypoints(&[Keypoints::unlabeled(3)]);
            error.unwrap_err().to_string()
        };
        assert!(refused(&[1.0]).contains("1 weights for 3 keypoints"));
        assert!(refused(&[1.0, f32::NAN, 1.0]).contains("got NaN"));
        let mixed = [Keypoints::unlabeled(3), Keypoints::unlabeled(2)];
        assert!(codec.encode_keypoints(&mixed).is_err());
    }

    #[test]
    fn gradients_match_finite_differences() {
        let keypoints = Keypoints::new(vec![Keypoint::new(10.0, 20.0), Keypoint::unlabeled()]);
        for loss in losses() {
            for unit in [LossUnit::Normalized, LossUnit::Pixels] {
                let mut codec = Coordinates::new(WIDE, loss);
                codec.unit = unit;
                codec.keypoint_weights = Some(vec![0.7, 1.0]);
                check_gradient(
                    &codec,
                    &[keypoints.clone(), keypoints.clone()],
                    &random(1, &[2, 4]),
                );
            }
        }
    }

    #[test]
    fn decode_inverts_encode() {
        let codec = Coordinates::new(FRAME, Mae);
        let keypoints = Keypoints::from_xy(&[[0.0, 95.0], [12.25, 60.5]]);
        let target = codec
            .encode_keypoints(&[keypoints.clone(), keypoints.clone()])
            .unwrap();
        for decoded in codec.decode(&target.values).unwrap() {
            for (a, b) in decoded.keypoints.iter().zip(keypoints.iter()) {
                assert!(a.distance(b) < 1e-4);
            }
        }
    }

    #[test]
    fn networks_can_be_trained_with_every_loss() {
        for loss in losses() {
            check_training(&Coordinates::new(FRAME, loss), FRAME, &[4], 0.5);
        }
    }
}
