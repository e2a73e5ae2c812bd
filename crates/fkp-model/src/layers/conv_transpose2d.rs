//! The transposed convolution layer.

use super::init::glorot_uniform;
use crate::graph::{Op, record_sequence};
use candle_core::{Result, Tensor};
use candle_nn::{Init, Module, VarBuilder};
use fkp_kernels::ConvTranspose2dConfig;

/// A 2-D transposed convolution, which enlarges feature maps: with a 4×4 kernel and
/// [`ConvTranspose2dConfig::doubling`] to twice the height and width.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder};
/// use fkp_model::layers::{ConvTranspose2d, ConvTranspose2dConfig};
///
/// let config = ConvTranspose2dConfig::doubling();
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let layer = ConvTranspose2d::new(8, 4, 4, config, vb)?;
/// let x = Tensor::zeros((2, 8, 6, 6), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&x)?.dims(), [2, 4, 12, 12]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvTranspose2dConfig,
}

impl ConvTranspose2d {
    /// A `kernel × kernel` transposed convolution. `weight`,
    /// `[channels_in, channels_out, kernel, kernel]`, is initialized like Keras' default,
    /// `glorot_uniform`; `bias`, `[channels_out]`, with 0.
    ///
    /// # Errors
    /// If `vb` does not have the variables in these shapes.
    pub fn new(
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        config: ConvTranspose2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let bias = vb.get_with_hints(channels_out, "bias", Init::Const(0.0))?;
        Ok(Self {
            bias: Some(bias),
            ..Self::no_bias(channels_in, channels_out, kernel, config, vb)?
        })
    }

    /// The same without `bias`, for a layer before a [`BatchNorm2d`](super::BatchNorm2d), which
    /// would subtract it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn no_bias(
        channels_in: usize,
        channels_out: usize,
        kernel: usize,
        config: ConvTranspose2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let area = kernel * kernel;
        let init = glorot_uniform(channels_in * area, channels_out * area);
        let shape = (channels_in, channels_out, kernel, kernel);
        Ok(Self {
            weight: vb.get_with_hints(shape, "weight", init)?,
            bias: None,
            config,
        })
    }
}

impl Module for ConvTranspose2d {
    /// `[n, channels_in, h, w]` to `[n, channels_out, h', w']`.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = fkp_kernels::conv_transpose2d(x, &self.weight, self.bias.as_ref(), self.config)?;
        record_sequence("ConvTranspose2d", x, &y, || {
            Ok(vec![Op::ConvTranspose {
                weight: self.weight.detach(),
                bias: self.bias.as_ref().map(Tensor::detach),
                config: self.config,
            }])
        })?;
        Ok(y)
    }
}
