//! A convolution with batch normalization and activation, as one layer.

use super::batch_norm::{EPS, NormVariables};
use super::init::glorot_uniform;
use crate::graph::{Op, Recorder, ValueId, record};
use candle_core::{Result, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_kernels::{
    BlockConv, Channels, Conv2dConfig, Pooling, Residual, conv_block, conv_block_train,
    fold_batch_norm,
};

/// A convolution without bias, batch normalization, and the activation and pooling of its
/// [`Conv2dConfig`]: `Conv2d::no_bias` and `BatchNorm2d` in one operation, several times faster in
/// training. In evaluation the normalization is part of the weights.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{ModuleT, VarBuilder};
/// use fkp_model::layers::{Conv2dConfig, ConvNorm, Residual};
///
/// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
/// let config = Conv2dConfig::new().padding(1).relu();
/// let conv = ConvNorm::new(8, 8, 3, config, vb)?;
/// let x = Tensor::zeros((2, 8, 16, 16), DType::F32, &Device::Cpu)?;
/// assert_eq!(conv.forward_t(&x, true)?.dims(), [2, 8, 16, 16]);
/// // relu(norm(conv(x))) + x
/// let y = conv.forward_residual_t(&x, Residual::AfterActivation(&x), true)?;
/// assert_eq!(y.dims(), [2, 8, 16, 16]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConvNorm {
    weight: Tensor,
    norm: NormVariables,
    channels: Channels,
    config: Conv2dConfig,
}

impl ConvNorm {
    /// A `kernel × kernel` convolution, with the variables of a `Conv2d` without bias under `conv`
    /// and of a `BatchNorm2d` under `norm`.
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
        let shape = [channels_out, channels_in, kernel, kernel];
        Self::with_shape(shape, Channels::All, config, vb)
    }

    /// A depthwise convolution: each output channel is computed from the input channel with its
    /// index.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn depthwise(
        channels: usize,
        kernel: usize,
        config: Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let shape = [channels, 1, kernel, kernel];
        Self::with_shape(shape, Channels::Depthwise, config, vb)
    }

    fn with_shape(
        shape: [usize; 4],
        channels: Channels,
        config: Conv2dConfig,
        vb: VarBuilder<'_>,
    ) -> Result<Self> {
        let [channels_out, channels_in, kh, kw] = shape;
        let fan_out = match channels {
            Channels::All => channels_out * kh * kw,
            Channels::Depthwise => kh * kw,
        };
        let init = glorot_uniform(channels_in * kh * kw, fan_out);
        Ok(Self {
            weight: vb.pp("conv").get_with_hints(&shape, "weight", init)?,
            norm: NormVariables::new(channels_out, vb.pp("norm"))?,
            channels,
            config,
        })
    }

    /// As [`ModuleT::forward_t`], with an addition before or after the activation. Pooling is last.
    ///
    /// # Errors
    /// If the shapes do not match.
    pub fn forward_residual_t(
        &self,
        x: &Tensor,
        residual: Residual<'_>,
        train: bool,
    ) -> Result<Tensor> {
        forward_chain(&[self], x, residual, train)
    }

    /// The convolution with the normalization folded into it.
    fn folded(&self) -> Result<Op> {
        let NormVariables { weight, bias, .. } = &self.norm;
        let running = self.norm.running();
        let (weight, bias) = fold_batch_norm(&self.weight, None, weight, bias, &running, EPS)?;
        Ok(Op::Conv {
            weight: weight.detach(),
            bias: Some(bias.detach()),
            padding: self.config.padding,
            stride: self.config.stride,
            channels: self.channels,
        })
    }

    fn block_conv(&self) -> BlockConv<'_> {
        BlockConv {
            weight: &self.weight,
            gamma: &self.norm.weight,
            beta: &self.norm.bias,
            channels: self.channels,
            padding: self.config.padding,
            stride: self.config.stride,
            activation: self.config.activation,
        }
    }
}

impl ModuleT for ConvNorm {
    /// `[n, channels_in, h, w]` to `[n, channels_out, h', w']`.
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.forward_residual_t(x, Residual::None, train)
    }
}

/// One layer after the other, as one operation in training. Only the last may pool.
pub(super) fn forward_chain(
    layers: &[&ConvNorm],
    x: &Tensor,
    residual: Residual<'_>,
    train: bool,
) -> Result<Tensor> {
    let convs: Vec<_> = layers.iter().map(|layer| layer.block_conv()).collect();
    let pooling = layers
        .last()
        .map_or(Pooling::None, |last| last.config.pooling);
    if !train {
        let running: Vec<_> = layers.iter().map(|layer| layer.norm.running()).collect();
        let y = conv_block(x, &convs, &running, residual, pooling, EPS)?;
        record("ConvNorm", &y, |recorder| {
            record_chain(recorder, layers, x, residual)
        })?;
        return Ok(y);
    }
    let (y, statistics) = conv_block_train(x, &convs, residual, pooling, EPS)?;
    for (layer, batch) in layers.iter().zip(&statistics) {
        layer.norm.update(batch)?;
    }
    Ok(y)
}

/// The operations of [`forward_chain`] in evaluation.
fn record_chain(
    recorder: &mut Recorder,
    layers: &[&ConvNorm],
    x: &Tensor,
    residual: Residual<'_>,
) -> Result<ValueId> {
    let mut value = recorder.value("ConvNorm", x)?;
    let Some((last, before)) = layers.split_last() else {
        return Ok(value);
    };
    for layer in before {
        value = recorder.push(layer.folded()?, &[value])?;
        value = recorder.push(Op::Activation(layer.config.activation), &[value])?;
    }
    value = recorder.push(last.folded()?, &[value])?;
    let activation = Op::Activation(last.config.activation);
    value = match residual {
        Residual::None => recorder.push(activation, &[value])?,
        Residual::BeforeActivation(added) => {
            let added = recorder.value("the residual of ConvNorm", added)?;
            let sum = recorder.push(Op::Add, &[value, added])?;
            recorder.push(activation, &[sum])?
        }
        Residual::AfterActivation(added) => {
            let added = recorder.value("the residual of ConvNorm", added)?;
            let active = recorder.push(activation, &[value])?;
            recorder.push(Op::Add, &[active, added])?
        }
    };
    match Op::pooling(last.config.pooling)? {
        Some(pooling) => recorder.push(pooling, &[value]),
        None => Ok(value),
    }
}
