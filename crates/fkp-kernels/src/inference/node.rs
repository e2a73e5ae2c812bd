//! The operations of a network that is built, and the values between them.

use crate::Activation;
use crate::conv::{Channels, ConvWeights, Geometry};
use crate::frame_pool::Reduction;

/// A value of a [`PlanBuilder`](super::PlanBuilder): its input or the result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(pub(super) usize);

/// A value that is added to the result of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// None.
    None,
    /// `activation(conv(x) + value)`.
    BeforeActivation(Value),
    /// `activation(conv(x)) + value`.
    AfterActivation(Value),
}

impl Residual {
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::BeforeActivation(value) | Self::AfterActivation(value) => Some(value),
        }
    }
}

/// Shape of a value, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Map { channels: usize, h: usize, w: usize },
    Vector(usize),
}

/// An operation and the value that it computes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) inputs: Vec<Value>,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Kind {
    Input,
    /// The first input is convolved; a second is the residual.
    Conv(Box<Conv>),
    /// A 1×1 convolution, a depthwise one and another 1×1 convolution, whose residual is a second
    /// input.
    Bottleneck(Box<[Conv; 3]>),
    Pool {
        kernel: usize,
        stride: usize,
        reduction: Reduction,
    },
    GlobalAvgPool,
    Flatten,
    Add,
    Activation(Activation),
    Linear(Linear),
}

#[derive(Clone, Debug)]
pub(super) struct Conv {
    pub(super) geometry: Geometry,
    pub(super) channels: Channels,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) residual: Residual,
}

impl Conv {
    /// Whether it is a product of the channels of each pixel.
    pub(super) fn is_pointwise(&self) -> bool {
        let g = &self.geometry;
        let sizes = (g.kh, g.kw, g.stride, g.padding);
        self.channels == Channels::All && sizes == (1, 1, 1, 0)
    }

    pub(super) fn weights(&self) -> ConvWeights<'_> {
        ConvWeights {
            geometry: &self.geometry,
            weights: &self.weight,
            bias: &self.bias,
        }
    }
}

#[derive(Debug)]
pub(super) struct Linear {
    /// `[n_out, n_in]`.
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) activation: Activation,
}
