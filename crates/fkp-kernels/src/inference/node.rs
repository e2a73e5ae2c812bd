//! The operations of a network that is built, and the values between them.

use crate::Activation;
use crate::conv::{Channels, ConvWeights, Geometry};
use crate::conv_transpose::ConvPhases;
use crate::frame_pool::Reduction;
use crate::soft_argmax::MeanPosition;

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
    /// What is added, as an input of its own, and where.
    pub(super) fn split(self) -> (Option<Value>, Added) {
        match self {
            Self::None => (None, Added::Never),
            Self::BeforeActivation(value) => (Some(value), Added::BeforeActivation),
            Self::AfterActivation(value) => (Some(value), Added::AfterActivation),
        }
    }
}

/// When the second input of a convolution is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Never,
    BeforeActivation,
    AfterActivation,
}

/// Shape of a value, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Map { channels: usize, h: usize, w: usize },
    Vector(usize),
}

impl Shape {
    /// Number of values.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Map { channels, h, w } => channels * h * w,
            Self::Vector(len) => len,
        }
    }
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
    ConvTranspose(Box<ConvTranspose>),
    Pool {
        window: (usize, usize),
        stride: usize,
        reduction: Reduction,
    },
    GlobalAvgPool,
    Upsample {
        scale: usize,
        interpolation: Interpolation,
    },
    /// The channels of the first input times the values of the second.
    ScaleChannels,
    Flatten,
    Add,
    Activation(Activation),
    /// The slope of each channel.
    PRelu(Vec<f32>),
    SoftArgmax(MeanPosition),
    Linear(Linear),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Interpolation {
    Nearest,
    Bilinear,
}

#[derive(Clone, Debug)]
pub(super) struct Conv {
    pub(super) geometry: Geometry,
    pub(super) channels: Channels,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) residual: Added,
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
pub(super) struct ConvTranspose {
    pub(super) phases: ConvPhases,
    pub(super) bias: Vec<f32>,
}

#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// `[n_out, n_in]`.
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) activation: Activation,
}
