//! The forward pass: each convolution reads the normalized output of the one before and gathers the
//! statistics of its own; one pass over the last output computes the result.
#![expect(unsafe_code, reason = "the result is not zeroed before it is written")]

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::affine::{Affine, Statistics};
use super::moments::{self, Moments};
use super::plan::{Layer, Plan};
use crate::conv::ForwardPass;
use crate::layout::padded;
use crate::recycle::Buffer;
use crate::scratch::with_scratch;
use crate::written::written;

/// What the backward pass needs of the forward pass: the outputs of the convolutions, from which it
/// computes everything else again.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) layers: Vec<SavedLayer>,
}

#[derive(Debug)]
pub(super) struct SavedLayer {
    /// The output of the convolution, a frame per image.
    pub(super) z: Buffer,
    /// Mean and biased variance of each channel.
    pub(super) moments: Vec<[f64; 2]>,
    pub(super) statistics: Statistics,
    pub(super) affine: Affine,
}

/// The operands of a block.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) x: &'a [f32],
    pub(super) parameters: &'a [f32],
    /// Empty without a residual.
    pub(super) residual: &'a [f32],
}

/// Computes the result `[n, c, h, w]`.
pub(super) fn forward(plan: &Plan, operands: Operands<'_>) -> (Vec<f32>, Saved) {
    let mut layers: Vec<SavedLayer> = Vec::with_capacity(plan.layers.len());
    for (i, layer) in plan.layers.iter().enumerate() {
        let previous = match i {
            0 => None,
            _ => layers.last().map(|saved| (&plan.layers[i - 1], saved)),
        };
        let saved = convolve(plan, layer, previous, operands);
        layers.push(saved);
    }
    let y = match layers.last() {
        Some(last) => result(plan, last, operands.residual),
        None => Vec::new(),
    };
    (y, Saved { layers })
}

fn convolve(
    plan: &Plan,
    layer: &Layer,
    previous: Option<(&Layer, &SavedLayer)>,
    operands: Operands<'_>,
) -> SavedLayer {
    let (conv, g) = (&layer.conv, &layer.geometry);
    let z_len = conv.output().len();
    let depth = padded(g.c_out);
    let weights = conv.forward_weights(&operands.parameters[layer.parameters.weight.clone()]);
    let mut z = Buffer::new(plan.n * z_len);
    let mut moments = vec![0.0; plan.n * 2 * depth];
    let images = ForwardImages {
        inputs: Inputs {
            layer,
            previous,
            x: operands.x,
        },
        moments: moments.chunks_mut(2 * depth).map(Mutex::new).collect(),
    };
    conv.forward_batch(&images, &weights, &mut z);
    drop(images);
    let moments = moments::merge(&moments, depth, g.positions());
    let statistics = Statistics::new(&moments, g.c_out, plan.eps);
    let gamma = &operands.parameters[layer.parameters.gamma.clone()];
    let beta = &operands.parameters[layer.parameters.beta.clone()];
    SavedLayer {
        z,
        affine: Affine::new(&statistics, gamma, beta, layer.activation),
        statistics,
        moments,
    }
}

/// The input of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) layer: &'a Layer,
    /// The convolution before; `None` if the input is that of the block, `x`.
    pub(super) previous: Option<(&'a Layer, &'a SavedLayer)>,
    pub(super) x: &'a [f32],
}

impl Inputs<'_> {
    /// Fills the input of the convolution for one image.
    pub(super) fn fill(&self, image: usize, input: &mut [f32]) {
        let conv = &self.layer.conv;
        match self.previous {
            None => {
                let len = self.layer.geometry.x_len();
                conv.fill_from_planes(&self.x[image * len..][..len], input);
            }
            Some((before, saved)) => {
                let frame = before.conv.output();
                let z = &saved.z[image * frame.len()..][..frame.len()];
                saved.affine.apply(&frame, z, &conv.input(), input);
            }
        }
    }
}

/// The images of the forward pass of one convolution.
struct ForwardImages<'a> {
    inputs: Inputs<'a>,
    /// The moments `[2, depth]` of each image, which only the task of the image uses.
    moments: Vec<Mutex<&'a mut [f64]>>,
}

impl ForwardPass for ForwardImages<'_> {
    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.inputs.fill(image, input);
    }

    fn take_output(&self, image: usize, z: &[f32]) {
        let frame = self.inputs.layer.conv.output();
        let mut moments = self.moments[image]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let depth = moments.len() / 2;
        let (mean, squares) = moments.split_at_mut(depth);
        moments::of_image(&frame, z, Moments { mean, squares });
    }
}

fn result(plan: &Plan, last: &SavedLayer, residual: &[f32]) -> Vec<f32> {
    let tail = &plan.tail;
    let (output, z_len) = (tail.output(), tail.z.len());
    let y_len = output.channels * output.h * output.w;
    let write = |y: &mut [f32]| {
        y.par_chunks_mut(y_len)
            .zip(last.z.par_chunks(z_len))
            .enumerate()
            .for_each(|(image, (y, z))| {
                with_scratch(output.len() + tail.residual_len(), |scratch| {
                    let (pixels, added) = scratch.split_at_mut(output.len());
                    pack_residual(plan, residual, image, added);
                    tail.forward(&last.affine, z, added, pixels);
                    output.unpack(pixels, y);
                });
            });
    };
    // SAFETY: there are as many parts of `y` as frames in `z`, and `unpack` writes a whole image.
    unsafe { written(plan.n * y_len, write) }
}

/// The residual of one image, channels last; nothing without a residual.
pub(super) fn pack_residual(plan: &Plan, residual: &[f32], image: usize, added: &mut [f32]) {
    if added.is_empty() {
        return;
    }
    let frame = plan.tail.residual();
    let len = frame.channels * frame.h * frame.w;
    frame.pack(&residual[image * len..][..len], added);
}
