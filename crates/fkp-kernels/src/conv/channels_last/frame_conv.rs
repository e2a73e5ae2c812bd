//! One interface for the algorithms.

use super::depthwise::Depthwise;
use super::taps::Taps;
use crate::conv::channels::Channels;
use crate::conv::frame_buffers::{GradientBuffers, Source};
use crate::conv::geometry::Geometry;
use crate::conv::winograd::{self, FrameWinograd};
use crate::layout::Frame;

/// A convolution without bias of one image. Its buffers are frames, whose pixels outside of the image
/// are zero in the input and in the gradient of the output, and arbitrary in the output.
#[derive(Debug)]
pub(crate) enum FrameConv {
    Winograd(FrameWinograd),
    Taps(Taps),
    Depthwise(Depthwise),
}

/// Calls the same method of whichever algorithm it is.
macro_rules! each {
    ($conv:expr, $algorithm:ident => $call:expr) => {
        match $conv {
            FrameConv::Winograd($algorithm) => $call,
            FrameConv::Taps($algorithm) => $call,
            FrameConv::Depthwise($algorithm) => $call,
        }
    };
}

impl FrameConv {
    pub(crate) fn new(g: &Geometry, channels: Channels, source: Source) -> Self {
        match channels {
            Channels::Depthwise => Self::Depthwise(Depthwise::new(g)),
            Channels::All if winograd::applies(g) => Self::Winograd(FrameWinograd::new(g)),
            Channels::All => Self::Taps(Taps::new(g, source)),
        }
    }

    /// Values of the input buffer.
    pub(crate) fn input_len(&self) -> usize {
        match self {
            Self::Taps(taps) => taps.input_len(),
            _ => self.input().len(),
        }
    }

    /// The layout of the input, if it is not planes.
    pub(crate) fn input(&self) -> Frame {
        each!(self, conv => conv.input())
    }

    pub(crate) fn output(&self) -> Frame {
        each!(self, conv => conv.output())
    }

    /// The layout of the gradient of the output.
    pub(crate) fn output_gradient(&self) -> Frame {
        match self {
            Self::Depthwise(conv) => conv.output_gradient(),
            _ => self.output(),
        }
    }

    /// The layout of the gradient of the input.
    pub(crate) fn input_gradient(&self) -> Frame {
        each!(self, conv => conv.input_gradient())
    }

    /// Writes planes `[c_in, h, w]` to the input buffer.
    pub(crate) fn fill_from_planes(&self, planes: &[f32], input: &mut [f32]) {
        match self {
            Self::Taps(taps) => taps.fill_from_planes(planes, input),
            _ => self.input().pack(planes, input),
        }
    }

    /// The weights `[c_out, c_in, kh, kw]` (or `[c, 1, kh, kw]`) in the layout of
    /// [`Self::forward`].
    pub(crate) fn forward_weights(&self, w: &[f32]) -> Vec<f32> {
        each!(self, conv => conv.forward_weights(w))
    }

    /// The same in the layout of [`Self::gradients`].
    pub(crate) fn gradient_weights(&self, w: &[f32]) -> Vec<f32> {
        each!(self, conv => conv.gradient_weights(w))
    }

    pub(crate) fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        each!(self, conv => conv.forward(input, weights, output));
    }

    /// Values of a weight gradient that is summed over some images.
    pub(crate) fn partial_len(&self) -> usize {
        each!(self, conv => conv.partial_len())
    }

    /// Writes to `partial` the weight gradient that `add` adds up, by calls of
    /// [`Self::gradients`].
    pub(crate) fn sum_gradients(&self, partial: &mut [f32], add: impl FnOnce(&mut [f32])) {
        match self {
            Self::Winograd(conv) => conv.sum_gradients(partial, add),
            _ => {
                partial.fill(0.0);
                add(partial);
            }
        }
    }

    /// Adds the gradient of the weights to `dw`, and overwrites `dx`, if given, with that of the
    /// input.
    pub(crate) fn gradients(&self, buffers: GradientBuffers<'_>) {
        each!(self, conv => conv.gradients(buffers));
    }

    /// The sum of partial sums as `[c_out, c_in, kh, kw]`.
    pub(crate) fn weight_gradient(&self, sum: &[f32], dw: &mut [f32]) {
        each!(self, conv => conv.weight_gradient(sum, dw));
    }
}
