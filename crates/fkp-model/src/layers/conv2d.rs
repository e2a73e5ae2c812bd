//! The convolution layer.

use super::init::glorot_uniform;
use crate::graph::{Op, record_sequence};
use candle_core::{Result, Tensor};
use candle_nn::{Init, Module, VarBuilder};
use fkp_kernels::{Channels, Conv2dConfig};

/// A 2-D convolution with the padding, activation and pooling of its [`Conv2dConfig`], fused into
/// one operation.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use fkp_model::layers::{Conv2d, Conv2dConfig};
///
/// let config = Conv2dConfig::new().padding(1).relu().max_pool2();
/// let conv = Conv2d::new(1, 8, 3, config, VarBuilder::zeros(DType::F32, &Device::Cpu))?;
/// let images = Tensor::zeros((2, 1, 16, 16), DType::F32, &Device::Cpu)?;
/// assert_eq!(conv.forward(&images)?.dims(), [2, 8, 8, 8]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
}

impl Conv2d {
    /// A `kernel × kernel` convolution. `weight`, `[channels_out, channels_in, kernel, kernel]`, is
    /// initialized like Keras' default, `glorot_uniform`; `bias`, `[channels_out]`, with 0.
    ///
    /// # Errors
    /// If `vb` does not have the variables in these shapes.
    pub fn new(
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        config: Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let bias = vb.get_with_hints(channels_out, "bias", Init::Const(0.0))?;
        Ok(Self {
            bias: Some(bias),
            ..Self::no_bias(channels_in, channels_out, kernel, config, vb)?
        })
    }

    /// The same without `bias`, for a convolution before a [`BatchNorm2d`](super::BatchNorm2d),
    /// which would subtract it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn no_bias(
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        config: Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let area = kernel * kernel;
        let init = glorot_uniform(channels_in * area, channels_out * area);
        let shape = (channels_out, channels_in, kernel, kernel);
        Ok(Self {
            weight: vb.get_with_hints(shape, "weight", init)?,
            bias: None,
            config,
        })
    }
}

impl Module for Conv2d {
    /// Convolves `[n, channels_in, h, w]`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = fkp_kernels::conv2d(x, &self.weight, self.bias.as_ref(), self.config)?;
        record_sequence("Conv2d", x, &y, || {
            let conv = Op::Conv {
                weight: self.weight.detach(),
                bias: self.bias.as_ref().map(Tensor::detach),
                padding: self.config.padding,
                stride: self.config.stride,
                channels: Channels::All,
            };
            let mut ops = vec![conv, Op::Activation(self.config.activation)];
            ops.extend(Op::pooling(self.config.pooling)?);
            Ok(ops)
        })?;
        Ok(y)
    }
}
