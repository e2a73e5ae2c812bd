//! The convolutions of a block, and what follows the last.

use candle_core::Tensor;

use crate::{Activation, Channels};

/// A convolution without bias, its batch normalization and its activation.
#[derive(Clone, Copy, Debug)]
pub struct BlockConv<'a> {
    /// The kernels, `[c_out, c_in, kh, kw]`; of a depthwise convolution `[c, 1, kh, kw]`.
    pub weight: &'a Tensor,
    /// The scale of the normalization, `[c_out]`.
    pub gamma: &'a Tensor,
    /// Its shift, `[c_out]`.
    pub beta: &'a Tensor,
    /// Which input channels each output channel is computed from.
    pub channels: Channels,
    /// Zero padding on every side of the image, in pixels.
    pub padding: usize,
    /// Distance in pixels between neighboring windows, in both directions; at least 1.
    pub stride: usize,
    /// Applied after the normalization.
    pub activation: Activation,
}

/// A tensor that is added to the output of a block, of its shape before pooling.
#[derive(Clone, Copy, Debug, Default)]
pub enum Residual<'a> {
    /// Nothing is added.
    #[default]
    None,
    /// Added before the activation of the last convolution (He et al. 2016).
    BeforeActivation(&'a Tensor),
    /// Added after it.
    AfterActivation(&'a Tensor),
}

impl<'a> Residual<'a> {
    pub(crate) fn tensor(self) -> Option<&'a Tensor> {
        match self {
            Self::None => None,
            Self::BeforeActivation(tensor) | Self::AfterActivation(tensor) => Some(tensor),
        }
    }
}
