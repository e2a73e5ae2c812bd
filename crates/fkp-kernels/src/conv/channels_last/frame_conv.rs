//! One interface for the algorithms.

use rayon::prelude::*;

use super::depthwise::Depthwise;
use super::taps::Taps;
use crate::conv::batch::{PARTIAL_SUMS, add_in_order};
use crate::conv::channels::Channels;
use crate::conv::frame_buffers::{BackwardPass, ForwardPass, GradientBuffers, InputFrames, Source};
use crate::conv::geometry::Geometry;
use crate::conv::winograd::{self, FrameWinograd};
use crate::layout::Frame;
use crate::scratch::with_scratch;

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
    /// [`Self::forward_batch`].
    pub(crate) fn forward_weights(&self, w: &[f32]) -> Vec<f32> {
        each!(self, conv => conv.forward_weights(w))
    }

    /// The same in the layout of [`Self::gradients_batch`].
    pub(crate) fn gradient_weights(&self, w: &[f32]) -> Vec<f32> {
        each!(self, conv => conv.gradient_weights(w))
    }

    fn forward(&self, input: &[f32], weights: &[f32], output: &mut [f32]) {
        each!(self, conv => conv.forward(input, weights, output));
    }

    /// Computes the output of all images, `z`, a frame each.
    pub(crate) fn forward_batch(&self, images: &impl ForwardPass, weights: &[f32], z: &mut [f32]) {
        let z_len = self.output().len();
        let n = z.len() / z_len;
        if let Some(batched) = self.batched(n) {
            return batched.forward(images, weights, z);
        }
        z.par_chunks_mut(z_len).enumerate().for_each(|(image, z)| {
            self.forward_image(image, images, weights, z);
            images.take_output(image, z);
        });
    }

    /// As [`Self::forward_batch`] for `n` images whose outputs are not kept.
    pub(crate) fn forward_each(&self, n: usize, images: &impl ForwardPass, weights: &[f32]) {
        (0..n).into_par_iter().for_each(|image| {
            with_scratch(self.output().len(), |z| {
                self.forward_image(image, images, weights, z);
                images.take_output(image, z);
            });
        });
    }

    /// Computes the output of one image.
    pub(crate) fn forward_image(
        &self,
        image: usize,
        images: &impl InputFrames,
        weights: &[f32],
        z: &mut [f32],
    ) {
        match images.input(image) {
            Some(input) => self.forward(input, weights, z),
            None => with_scratch(self.input_len(), |input| {
                images.fill_input(image, input);
                self.forward(input, weights, z);
            }),
        }
    }

    /// Products per value of the output; `None` of an algorithm that is not a sum of them.
    pub(crate) fn terms(&self) -> Option<usize> {
        match self {
            Self::Taps(taps) => Some(taps.terms()),
            Self::Winograd(_) | Self::Depthwise(_) => None,
        }
    }

    fn batched(&self, n: usize) -> Option<winograd::Batched<'_>> {
        match self {
            Self::Winograd(conv) => winograd::Batched::new(conv, n),
            Self::Taps(_) | Self::Depthwise(_) => None,
        }
    }

    /// Computes the gradient of the weights of `n` images, `[c_out, c_in, kh, kw]`, and passes on
    /// those of the input if `weights`, from [`Self::gradient_weights`], is not empty.
    pub(crate) fn gradients_batch(
        &self,
        n: usize,
        images: &impl BackwardPass,
        weights: &[f32],
        dw: &mut [f32],
    ) {
        if let Some(batched) = self.batched(n) {
            return batched.gradients(images, weights, dw);
        }
        let size = n.div_ceil(PARTIAL_SUMS);
        let len = each!(self, conv => conv.partial_len());
        let groups = n.div_ceil(size);
        let sum = with_scratch(groups * len, |partials| {
            let tasks = partials.par_chunks_mut(len).enumerate();
            tasks.for_each(|(group, partial)| {
                let group = group * size..n.min((group + 1) * size);
                self.sum_gradients(partial, |dw| {
                    group.for_each(|image| self.image_gradients(image, images, weights, dw));
                });
            });
            add_in_order(partials, len)
        });
        each!(self, conv => conv.weight_gradient(&sum, dw));
    }

    /// Writes to `partial` the weight gradient that `add` adds up.
    fn sum_gradients(&self, partial: &mut [f32], add: impl FnOnce(&mut [f32])) {
        match self {
            Self::Winograd(conv) => conv.sum_gradients(partial, add),
            Self::Taps(_) | Self::Depthwise(_) => {
                partial.fill(0.0);
                add(partial);
            }
        }
    }

    fn image_gradients(
        &self,
        image: usize,
        images: &impl BackwardPass,
        weights: &[f32],
        dw: &mut [f32],
    ) {
        let dx_len = match weights.is_empty() {
            true => 0,
            false => self.input_gradient().len(),
        };
        let dy_len = self.output_gradient().len();
        let ready = images.input(image);
        let input_len = match ready {
            Some(_) => 0,
            None => self.input_len(),
        };
        with_scratch(input_len + dy_len + dx_len, |scratch| {
            let (input, rest) = scratch.split_at_mut(input_len);
            let (dy, dx) = rest.split_at_mut(dy_len);
            let input = match ready {
                Some(input) => input,
                None => {
                    images.fill_input(image, input);
                    input
                }
            };
            images.fill_gradient(image, dy);
            let buffers = GradientBuffers {
                input,
                dy,
                weights,
                dw,
                dx: &mut *dx,
            };
            each!(self, conv => conv.gradients(buffers));
            if !dx.is_empty() {
                images.take_input_gradient(image, dx);
            }
        });
    }
}
