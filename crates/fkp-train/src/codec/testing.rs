//! Helpers for the tests of all codecs.

use super::interface::{Codec, Target};
use crate::{Optimizer, OptimizerConfig, Params};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Module;
use fkp_core::{CoordinateFrame, Image, Keypoints, Sample};

/// Encodes targets from keypoints without images.
pub(super) trait EncodeKeypoints {
    fn encode_keypoints(&self, keypoints: &[Keypoints]) -> candle_core::Result<Target>;
}

impl<C: Codec + ?Sized> EncodeKeypoints for C {
    fn encode_keypoints(&self, keypoints: &[Keypoints]) -> candle_core::Result<Target> {
        let image = Image::filled(1, 1, 1, 0);
        let sample = |keypoints: &Keypoints| Sample::new("", image.clone(), keypoints.clone());
        let samples: Vec<_> = keypoints.iter().map(sample).collect();
        self.encode(&samples, &Device::Cpu)
    }
}

/// Reproducible values in [−1, 1], `f64`.
pub(super) fn random(seed: u64, shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values = (0..count as u64).map(|i| {
        let z = (i + 1 + seed * 0x1_0000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    });
    Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap()
}

/// The target in `f64`.
pub(super) fn wide(target: &Target) -> Target {
    Target {
        values: target.values.to_dtype(DType::F64).unwrap(),
        weights: target.weights.to_dtype(DType::F64).unwrap(),
        total_weight: target.total_weight,
    }
}

/// Compares the gradient of the loss with central differences, in `f64`, at `output`.
pub(super) fn check_gradient(codec: &dyn Codec, truth: &[Keypoints], output: &Tensor) {
    let target = wide(&codec.encode_keypoints(truth).unwrap());
    let variable = Var::from_tensor(output).unwrap();
    let loss = codec.loss(&variable, &target).unwrap();
    assert!(loss.dims().is_empty(), "the loss is {:?}", loss.dims());
    let grads = loss.backward().unwrap();
    let grad = grads.get(&variable).unwrap();
    let grad = grad.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let values = output.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let loss_at = |i: usize, h: f64| {
        let mut moved = values.clone();
        moved[i] += h;
        let moved = Tensor::from_vec(moved, output.shape(), &Device::Cpu).unwrap();
        let loss = codec.loss(&moved, &target).unwrap();
        loss.to_scalar::<f64>().unwrap()
    };
    let h = 1e-6;
    let largest = grad.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    assert!(largest > 0.0, "the gradient is 0");
    for (i, grad) in grad.iter().enumerate() {
        let expected = (loss_at(i, h) - loss_at(i, -h)) / (2.0 * h);
        let error = (grad - expected).abs();
        assert!(
            error < 1e-6 * (1.0 + largest),
            "value {i}: gradient {grad}, difference {expected}"
        );
    }
}

/// Checks that a linear network with two input patterns and an output of `shape` learns the
/// keypoints of each pattern to within `tolerance_px`.
pub(super) fn check_training(
    codec: &dyn Codec,
    frame: CoordinateFrame,
    shape: &[usize],
    tolerance_px: f32,
) {
    let pixel = |x: f32, y: f32| [x * frame.width as f32, y * frame.height as f32];
    let truth = [
        Keypoints::from_xy(&[pixel(0.3, 0.41), pixel(0.72, 0.55)]),
        Keypoints::from_xy(&[pixel(0.61, 0.28), pixel(0.37, 0.8)]),
    ];
    let params = Params::new(1, &Device::Cpu);
    let width = shape.iter().product();
    let network = candle_nn::linear(2, width, params.builder()).unwrap();
    let x = Tensor::new(&[[1f32, 0.0], [0.0, 1.0]], &Device::Cpu).unwrap();
    let shape = [&[2], shape].concat();
    let forward = || network.forward(&x).unwrap().reshape(&shape[..]).unwrap();
    let target = codec.encode_keypoints(&truth).unwrap();
    let config = OptimizerConfig::default();
    let mut optimizer = Optimizer::new(params.named(), &config, None).unwrap();
    let steps = 400;
    for step in 0..steps {
        let loss = codec.loss(&forward(), &target).unwrap();
        let gradients = fkp_kernels::backward(&(loss / target.total_weight).unwrap()).unwrap();
        // Decays to 0, so that a loss with constant slope converges.
        let lr = 0.05 * (1.0 - f64::from(step) / f64::from(steps));
        assert_eq!(optimizer.step(&gradients, lr).unwrap().not_finite, None);
    }
    let predicted = codec.decode(&forward()).unwrap();
    for (predicted, truth) in predicted.iter().zip(&truth) {
        let predicted = &predicted.keypoints;
        assert_eq!(predicted.len(), truth.len());
        for (a, b) in predicted.iter().zip(truth.iter()) {
            assert!(a.distance(b) < tolerance_px, "{a:?} is far from {b:?}");
        }
    }
}
