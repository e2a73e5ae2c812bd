//! The configuration of a convolution.

use candle_core::{Result, Tensor};

use crate::{Activation, max_pool2d};

/// Pooling fused into a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// No pooling.
    #[default]
    None,
    /// Maximum over 2×2 windows with stride 2; an odd last row or column is dropped.
    Max2,
}

impl Pooling {
    /// Pools as an operation of its own.
    pub(crate) fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x.clone()),
            Self::Max2 => max_pool2d(x, 2, 2),
        }
    }
}

/// Padding and stride of [`conv2d`](crate::conv2d), and the operations fused after it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Conv2dConfig {
    /// Zero padding on every side of the image, in pixels.
    pub padding: usize,
    /// Distance in pixels between neighboring windows, in both directions; at least 1.
    pub stride: usize,
    /// Applied after the bias.
    pub activation: Activation,
    /// Applied last.
    pub pooling: Pooling,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl Conv2dConfig {
    /// No padding, stride 1, no activation, no pooling.
    pub const fn new() -> Self {
        Self {
            padding: 0,
            stride: 1,
            activation: Activation::Identity,
            pooling: Pooling::None,
        }
    }

    /// With this zero padding on every side.
    pub const fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// With this stride.
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With this activation after the bias.
    pub const fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// With a ReLU after the bias.
    pub const fn relu(self) -> Self {
        self.activation(Activation::Relu)
    }

    /// With 2×2 max-pooling at the end.
    pub const fn max_pool2(self) -> Self {
        Self {
            pooling: Pooling::Max2,
            ..self
        }
    }
}
