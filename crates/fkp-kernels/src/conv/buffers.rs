//! The buffers that the passes of every algorithm read and return.

use super::config::Pooling;
use super::geometry::Geometry;
use crate::layout::Frame;
use crate::recycle::Buffer;
use crate::scratch::with_scratch;

/// Whether the gradient of the input is needed as well as those of weights and bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputGradient {
    Needed,
    /// The input is data.
    NotNeeded,
}

/// What the backward pass reads: the gradient of the (pooled, activated) output, and what was
/// saved by the forward pass.
#[derive(Clone, Copy)]
pub(crate) struct BackwardInputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) w: &'a [f32],
    pub(crate) y: &'a [f32],
    /// Index of the maximum of each 2×2 window, in the layout of the algorithm; empty without
    /// pooling.
    pub(crate) argmax: &'a [u8],
    pub(crate) grad: &'a [f32],
    pub(crate) input_gradient: InputGradient,
}

impl<'a> BackwardInputs<'a> {
    /// The part that belongs to one image.
    pub(super) fn image(&self, g: &Geometry, index: usize) -> BackwardImage<'a> {
        let (x_len, out_len) = (g.x_len(), g.out_len());
        let argmax_len = self.argmax.len() / g.n;
        BackwardImage {
            x: &self.x[index * x_len..][..x_len],
            y: &self.y[index * out_len..][..out_len],
            argmax: &self.argmax[index * argmax_len..][..argmax_len],
            grad: &self.grad[index * out_len..][..out_len],
        }
    }

    /// Memory for the input gradient, if it is needed, with arbitrary values.
    pub(super) fn new_input_gradient(&self) -> Option<Buffer> {
        match self.input_gradient {
            InputGradient::Needed => Some(Buffer::new(self.x.len())),
            InputGradient::NotNeeded => None,
        }
    }
}

/// [`BackwardInputs`] of one image.
#[derive(Clone, Copy)]
pub(super) struct BackwardImage<'a> {
    pub(super) x: &'a [f32],
    pub(super) y: &'a [f32],
    pub(super) argmax: &'a [u8],
    pub(super) grad: &'a [f32],
}

impl BackwardImage<'_> {
    /// Writes the gradient of the output to `dy`, channels last. Without pooling it is multiplied
    /// by the derivative of the activation; with pooling `argmax` contains the derivative.
    pub(super) fn pack_output_gradient(&self, g: &Geometry, frame: &Frame, dy: &mut [f32]) {
        match g.pooling {
            Pooling::Max2 => frame.pack(self.grad, dy),
            Pooling::None => with_scratch(self.grad.len(), |masked| {
                g.activation.backward_into(masked, self.y, self.grad);
                frame.pack(masked, dy);
            }),
        }
    }
}
