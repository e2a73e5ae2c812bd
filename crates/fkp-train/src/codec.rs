//! The seam between a network's output and keypoints.

use crate::Loss;
use candle_core::{Device, Result, Tensor, bail};
use fkp_core::{CoordinateFrame, Keypoints};

/// What a batch's output is compared with.
#[derive(Debug, Clone)]
pub struct Target {
    /// The values to predict, in the shape of the output. Finite also where nothing is known.
    pub values: Tensor,
    /// How much each value counts, in the same shape: 0 where nobody labelled the point.
    pub weights: Tensor,
    /// Sum of the weights.
    pub total_weight: f64,
}

/// How a network's output and keypoints relate: coordinates, heatmaps, uncertainty, ….
pub trait Codec: Send + Sync {
    /// The target of a batch of keypoints, each in pixels of its crop.
    fn encode(&self, keypoints: &[Keypoints], device: &Device) -> Result<Target>;

    /// The weighted *sum* of the loss over the batch, a scalar that can be differentiated.
    /// Divided by [`Target::total_weight`] it is the mean over what is labelled, and over a whole
    /// set sums and weights add up, however the set is cut into batches.
    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor>;

    /// The keypoints that an output `[n, …]` stands for, each in pixels of its crop.
    fn decode(&self, output: &Tensor) -> Result<Vec<Keypoints>>;
}

/// Outputs `[n, 2·n_keypoints]` are coordinates in [−1, 1], interleaved x₀, y₀, x₁, y₁, …
/// (see [`CoordinateFrame`]); the loss is in that unit.
#[derive(Debug, Clone, Copy)]
pub struct Coordinates {
    /// The crop's size.
    pub frame: CoordinateFrame,
    /// What is minimised.
    pub loss: Loss,
}

impl Codec for Coordinates {
    fn encode(&self, keypoints: &[Keypoints], device: &Device) -> Result<Target> {
        let Some(first) = keypoints.first() else {
            bail!("a batch needs at least one sample");
        };
        let shape = (keypoints.len(), 2 * first.len());
        let mut values = Vec::with_capacity(shape.0 * shape.1);
        let mut weights = Vec::with_capacity(shape.0 * shape.1);
        for point in keypoints.iter().flat_map(|points| points.iter()) {
            let (u, v) = match point.is_labelled() {
                true => self.frame.to_norm(point.x, point.y),
                false => (0.0, 0.0),
            };
            values.extend([u, v]);
            weights.extend([if point.is_labelled() { 1f32 } else { 0.0 }; 2]);
        }
        let total_weight = weights.iter().map(|w| f64::from(*w)).sum();
        Ok(Target {
            values: Tensor::from_vec(values, shape, device)?,
            weights: Tensor::from_vec(weights, shape, device)?,
            total_weight,
        })
    }

    fn loss(&self, output: &Tensor, target: &Target) -> Result<Tensor> {
        let error = (output - &target.values)?;
        let each = match self.loss {
            Loss::Mae => error.abs()?,
            Loss::Mse => error.sqr()?,
        };
        (each * &target.weights)?.sum_all()
    }

    fn decode(&self, output: &Tensor) -> Result<Vec<Keypoints>> {
        let rows = output.to_vec2::<f32>()?;
        Ok(rows.iter().map(|row| self.frame.keypoints(row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;
    use fkp_core::Keypoint;

    fn codec(loss: Loss) -> Coordinates {
        let frame = CoordinateFrame {
            width: 96,
            height: 96,
        };
        Coordinates { frame, loss }
    }

    /// A missing label is masked, not zero-filled: neither loss nor gradient sees it.
    #[test]
    fn missing_labels_have_no_weight() {
        let truth = Keypoints::new(vec![Keypoint::new(47.5, 71.5), Keypoint::unlabelled()]);
        for (loss, expected, gradient) in [(Loss::Mae, 1.0, 1.0), (Loss::Mse, 0.5, 1.0)] {
            let codec = codec(loss);
            let target = codec
                .encode(std::slice::from_ref(&truth), &Device::Cpu)
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
    fn decode_undoes_encode() {
        let codec = codec(Loss::Mae);
        let points = Keypoints::from_xy(&[[0.0, 95.0], [12.25, 60.5]]);
        let target = codec
            .encode(&[points.clone(), points.clone()], &Device::Cpu)
            .unwrap();
        for decoded in codec.decode(&target.values).unwrap() {
            for (a, b) in decoded.iter().zip(points.iter()) {
                assert!(a.distance(b) < 1e-4);
            }
        }
    }
}
