//! The squeeze-and-excitation block.

use super::functions::{global_avg_pool2d, scale_channels};
use super::linear::Linear;
use candle_core::{Result, Tensor, bail};
use candle_nn::{Module, VarBuilder};
use fkp_kernels::Activation;

/// The squeeze-and-excitation block (Hu et al. 2018): each channel is multiplied by a factor
/// between 0 and 1, which two linear layers compute from the means of all channels.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use fkp_model::layers::{SqueezeExcite, SqueezeExciteConfig};
///
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let block = SqueezeExcite::new(32, SqueezeExciteConfig::default(), vb)?;
/// let x = Tensor::ones((2, 32, 6, 6), DType::F32, &Device::Cpu)?;
/// let y = block.forward(&x)?;
/// // With weights of 0, each factor is sigmoid(0).
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0.5; 2 * 32 * 6 * 6]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqueezeExcite {
    reduce: Linear,
    expand: Linear,
}

/// Sizes and activations of a [`SqueezeExcite`] block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SqueezeExciteConfig {
    /// The first linear layer has this many times fewer outputs than channels, and at least one.
    pub reduction: usize,
    /// After the first linear layer.
    pub activation: Activation,
    /// After the second linear layer.
    pub gate: Gate,
}

impl Default for SqueezeExciteConfig {
    /// Reduction 16, ReLU and the logistic function, as in the paper.
    fn default() -> Self {
        Self {
            reduction: 16,
            activation: Activation::Relu,
            gate: Gate::Sigmoid,
        }
    }
}

/// A function whose values are factors between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gate {
    /// `1 / (1 + exp(−x))`.
    #[default]
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`, as in MobileNetV3 (Howard et al. 2019).
    HardSigmoid,
}

impl Gate {
    fn activation(self) -> Activation {
        match self {
            Self::Sigmoid => Activation::Sigmoid,
            Self::HardSigmoid => Activation::HardSigmoid,
        }
    }
}

impl SqueezeExcite {
    /// The variables are those of a [`Linear`] each under `fc1` and `fc2`.
    ///
    /// # Errors
    /// If `config.reduction` is 0 or `vb` does not have the variables in these shapes.
    pub fn new(channels: usize, config: SqueezeExciteConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let SqueezeExciteConfig {
            reduction,
            activation,
            gate,
        } = config;
        if reduction == 0 {
            bail!("squeeze-and-excitation: reduction must be at least 1");
        }
        let squeezed = (channels / reduction).max(1);
        Ok(Self {
            reduce: Linear::new(channels, squeezed, activation, vb.pp("fc1"))?,
            expand: Linear::new(squeezed, channels, gate.activation(), vb.pp("fc2"))?,
        })
    }
}

impl Module for SqueezeExcite {
    /// Scales the channels of `[n, channels, h, w]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let squeezed = self.reduce.forward(&global_avg_pool2d(x)?)?;
        scale_channels(x, &self.expand.forward(&squeezed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};
    use candle_nn::VarMap;

    /// Against the formula of the paper, with weights that differ from each other.
    #[test]
    fn factors_are_those_of_the_formula() {
        let data = |seed: u32, shape: &[usize]| {
            let len: usize = shape.iter().product();
            let values = (0..len as u32).map(|i| ((i * 37 + seed * 11) % 19) as f32 * 0.1 - 0.9);
            Tensor::from_iter(values, &Device::Cpu)
                .unwrap()
                .reshape(shape)
                .unwrap()
        };
        for (gate, formula) in [
            (
                Gate::Sigmoid,
                (|v| 1.0 / (1.0 + (-v).exp())) as fn(f32) -> f32,
            ),
            (Gate::HardSigmoid, |v| ((v + 3.0) / 6.0).clamp(0.0, 1.0)),
        ] {
            let vars = VarMap::new();
            let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
            let config = SqueezeExciteConfig {
                reduction: 2,
                gate,
                ..Default::default()
            };
            let block = SqueezeExcite::new(4, config, vb).unwrap();
            let set = |name: &str, scale: f64| {
                let lock = vars.data().lock().unwrap();
                let var: &Var = &lock[name];
                let seed = name.len() as u32 + scale as u32;
                var.set(&(data(seed, var.dims()) * scale).unwrap()).unwrap();
                var.to_dtype(DType::F32).unwrap()
            };
            let (w1, b1) = (set("fc1.weight", 1.0), set("fc1.bias", 1.0));
            let (w2, b2) = (set("fc2.weight", 9.0), set("fc2.bias", 4.0));
            let x = data(3, &[2, 4, 3, 5]);
            let y = block.forward(&x).unwrap();
            let means = x.mean((2, 3)).unwrap();
            let layer = |x: &Tensor, w: &Tensor, b: &Tensor| {
                let y = x.matmul(&w.t().unwrap()).unwrap();
                y.broadcast_add(b).unwrap()
            };
            let hidden = layer(&means, &w1, &b1).relu().unwrap();
            let scores = layer(&hidden, &w2, &b2);
            let scores = scores.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let x = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let y = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (i, (x, y)) in x.iter().zip(y).enumerate() {
                let expected = x * formula(scores[i / 15]);
                assert!((y - expected).abs() < 1e-5, "{gate:?}: {y} {expected}");
            }
        }
    }

    #[test]
    fn a_reduction_of_zero_is_an_error() {
        let config = SqueezeExciteConfig {
            reduction: 0,
            ..Default::default()
        };
        let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
        let error = SqueezeExcite::new(4, config, vb).unwrap_err().to_string();
        assert!(error.contains("reduction must be at least 1"), "{error}");
    }
}
