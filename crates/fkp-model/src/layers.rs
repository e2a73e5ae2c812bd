//! Layers whose parameters start as Keras starts them.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use fkp_kernels::{Activation, Conv2dConfig};

/// Keras' default for weights, `glorot_uniform`: U(−a, a) with a = √(6 / (fan_in + fan_out))
/// (Glorot & Bengio 2010, eq. 16).
fn glorot_uniform(fan_in: usize, fan_out: usize) -> Init {
    let bound = (6.0 / (fan_in + fan_out) as f64).sqrt();
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// A 2-D convolution with bias, and what is fused to it.
#[derive(Debug, Clone)]
pub(crate) struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    config: Conv2dConfig,
}

impl Conv2d {
    /// A `kernel × kernel` convolution with weights `[channels_out, channels_in, kernel, kernel]`.
    pub(crate) fn new(
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        config: Conv2dConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let area = kernel * kernel;
        let init = glorot_uniform(channels_in * area, channels_out * area);
        let shape = (channels_out, channels_in, kernel, kernel);
        Ok(Self {
            weight: vb.get_with_hints(shape, "weight", init)?,
            bias: vb.get_with_hints(channels_out, "bias", Init::Const(0.0))?,
            config,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        fkp_kernels::conv2d(x, &self.weight, Some(&self.bias), self.config)
    }
}

/// A dense layer with bias and activation.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Linear {
    /// A layer with weights `[features_out, features_in]`.
    pub(crate) fn new(
        features_in: usize,
        features_out: usize,
        activation: Activation,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = glorot_uniform(features_in, features_out);
        Ok(Self {
            weight: vb.get_with_hints((features_out, features_in), "weight", init)?,
            bias: vb.get_with_hints(features_out, "bias", Init::Const(0.0))?,
            activation,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        fkp_kernels::linear(x, &self.weight, Some(&self.bias), self.activation)
    }
}
