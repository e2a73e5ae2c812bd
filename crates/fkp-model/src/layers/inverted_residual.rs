//! The inverted residual block of MobileNetV2.

use super::conv_norm::{ConvNorm, forward_chain};
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_kernels::{Activation, Conv2dConfig, Residual};

/// The inverted residual block of MobileNetV2 (Sandler et al. 2018): a 1×1 convolution to `expansion`
/// times as many channels, a depthwise convolution, each with batch normalization and activation, and
/// a 1×1 convolution with batch normalization. The input is added where the output has its shape.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{ModuleT, VarBuilder};
/// use fkp_model::layers::{InvertedResidual, InvertedResidualConfig};
///
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let config = InvertedResidualConfig { stride: 2, ..Default::default() };
/// let block = InvertedResidual::new(16, 24, config, vb)?;
/// let x = Tensor::zeros((2, 16, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(block.forward_t(&x, true)?.dims(), [2, 24, 14, 14]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct InvertedResidual {
    layers: [ConvNorm; 3],
    adds_input: bool,
}

/// Sizes of an [`InvertedResidual`] block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InvertedResidualConfig {
    /// Channels of the depthwise convolution per input channel.
    pub expansion: usize,
    /// Side of the kernels of the depthwise convolution, odd.
    pub kernel: usize,
    /// Stride of the depthwise convolution.
    pub stride: usize,
    /// After the first two convolutions.
    pub activation: Activation,
}

impl Default for InvertedResidualConfig {
    /// Expansion 4, 3×3, stride 1, ReLU.
    fn default() -> Self {
        Self {
            expansion: 4,
            kernel: 3,
            stride: 1,
            activation: Activation::Relu,
        }
    }
}

impl InvertedResidual {
    /// The variables are those of a [`ConvNorm`] each under `expand`, `depthwise` and `project`.
    ///
    /// # Errors
    /// If `vb` does not have the variables in these shapes.
    pub fn new(
        channels_in: usize,
        channels_out: usize,
        config: InvertedResidualConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let InvertedResidualConfig {
            expansion,
            kernel,
            stride,
            activation,
        } = config;
        let wide = channels_in * expansion;
        let plain = Conv2dConfig::new();
        let active = plain.activation(activation);
        let depthwise = active.padding(kernel / 2).stride(stride);
        Ok(Self {
            layers: [
                ConvNorm::new(channels_in, wide, 1, active, vb.pp("expand"))?,
                ConvNorm::depthwise(wide, kernel, depthwise, vb.pp("depthwise"))?,
                ConvNorm::new(wide, channels_out, 1, plain, vb.pp("project"))?,
            ],
            adds_input: stride == 1 && channels_in == channels_out,
        })
    }
}

impl ModuleT for InvertedResidual {
    /// `[n, channels_in, h, w]` to `[n, channels_out, h', w']`.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let residual = match self.adds_input {
            true => Residual::AfterActivation(x),
            false => Residual::None,
        };
        forward_chain(&self.layers.each_ref(), x, residual, train)
    }
}
