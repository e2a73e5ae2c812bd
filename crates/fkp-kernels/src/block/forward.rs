//! The forward pass: each convolution reads the normalized output of the one before and gathers the
//! statistics of its own; one pass over the last output computes the result.
#![expect(unsafe_code, reason = "the result is not zeroed before it is written")]

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::affine::{Affine, Statistics};
use super::moments;
use super::plan::{Layer, Plan};
use crate::conv::{ForwardPass, InputFrames};
use crate::layout::{Frame, padded};
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
    pub(super) z: SavedOutput,
    /// Mean and biased variance of each channel.
    pub(super) moments: Vec<[f64; 2]>,
    pub(super) statistics: Statistics,
    pub(super) affine: Affine,
}

/// The output of a convolution.
#[derive(Debug)]
pub(super) enum SavedOutput {
    /// A frame per image.
    Kept(Buffer),
    /// Computed again where it is read, with these weights.
    Again(Vec<f32>),
}

/// The operands of a block.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) x: Images<'a>,
    pub(super) parameters: &'a [f32],
    /// Empty without a residual.
    pub(super) residual: Images<'a>,
}

/// The images of an operand.
#[derive(Clone, Copy)]
pub(super) enum Images<'a> {
    /// `[n, c, h, w]`.
    Planes(&'a [f32]),
    /// Channels last, a frame without margin each.
    Frames(&'a [f32]),
}

/// The result of a block, in both layouts.
pub(super) struct BlockResult {
    pub(super) planes: Vec<f32>,
    pub(super) frames: Buffer,
}

/// Computes the outputs of all convolutions.
pub(super) fn convolutions(plan: &Plan, operands: Operands<'_>) -> Saved {
    let mut layers: Vec<SavedLayer> = Vec::with_capacity(plan.layers.len());
    for (i, layer) in plan.layers.iter().enumerate() {
        let previous = match i {
            0 => None,
            _ => layers.last().map(|saved| Computed {
                layer: &plan.layers[i - 1],
                saved,
                x: operands.x,
            }),
        };
        let saved = convolve(plan, layer, previous, operands);
        layers.push(saved);
    }
    Saved { layers }
}

fn convolve(
    plan: &Plan,
    layer: &Layer,
    previous: Option<Computed<'_>>,
    operands: Operands<'_>,
) -> SavedLayer {
    let (conv, g) = (&layer.conv, &layer.geometry);
    let depth = padded(g.c_out);
    let weights = conv.forward_weights(&operands.parameters[layer.parameters.weight.clone()]);
    let again = previous.is_none() && layer.is_computed_again();
    let mut z = Buffer::new(if again {
        0
    } else {
        plan.n * conv.output().len()
    });
    let mut moments = vec![0.0; plan.n * 2 * depth];
    let images = ForwardImages {
        inputs: Inputs {
            layer,
            previous,
            x: operands.x,
        },
        moments: moments.chunks_mut(2 * depth).map(Mutex::new).collect(),
    };
    match again {
        true => conv.forward_each(plan.n, &images, &weights),
        false => conv.forward_batch(&images, &weights, &mut z),
    }
    drop(images);
    let moments = moments::merge(&moments, depth, g.positions());
    let statistics = Statistics::new(&moments, g.c_out, plan.eps);
    let gamma = &operands.parameters[layer.parameters.gamma.clone()];
    let beta = &operands.parameters[layer.parameters.beta.clone()];
    SavedLayer {
        z: match again {
            true => SavedOutput::Again(weights),
            false => SavedOutput::Kept(z),
        },
        affine: Affine::new(&statistics, gamma, beta, layer.activation),
        statistics,
        moments,
    }
}

/// A convolution whose output exists.
#[derive(Clone, Copy)]
pub(super) struct Computed<'a> {
    pub(super) layer: &'a Layer,
    pub(super) saved: &'a SavedLayer,
    /// The input of the block.
    pub(super) x: Images<'a>,
}

impl Computed<'_> {
    /// Calls `f` with the output for one image.
    pub(super) fn with_z<R>(&self, image: usize, f: impl FnOnce(&[f32]) -> R) -> R {
        let conv = &self.layer.conv;
        let z_len = conv.output().len();
        match &self.saved.z {
            SavedOutput::Kept(z) => f(&z[image * z_len..][..z_len]),
            SavedOutput::Again(weights) => with_scratch(z_len, |z| {
                let inputs = Inputs {
                    layer: self.layer,
                    previous: None,
                    x: self.x,
                };
                conv.forward_image(image, &inputs, weights, z);
                f(z)
            }),
        }
    }
}

/// The input of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) layer: &'a Layer,
    /// The convolution before; `None` if the input is that of the block, `x`.
    pub(super) previous: Option<Computed<'a>>,
    pub(super) x: Images<'a>,
}

impl InputFrames for Inputs<'_> {
    fn input(&self, image: usize) -> Option<&[f32]> {
        match (self.previous, self.x) {
            (None, Images::Frames(x)) if self.layer.conv.input().is_tight() => {
                let len = self.layer.conv.input_len();
                Some(&x[image * len..][..len])
            }
            _ => None,
        }
    }

    fn fill_input(&self, image: usize, input: &mut [f32]) {
        let (conv, g) = (&self.layer.conv, &self.layer.geometry);
        match (self.previous, self.x) {
            (None, Images::Planes(x)) => {
                conv.fill_from_planes(&x[image * g.x_len()..][..g.x_len()], input);
            }
            (None, Images::Frames(x)) => {
                let frame = Frame::tight(g.c_in, g.h, g.w);
                let x = &x[image * frame.len()..][..frame.len()];
                conv.input().surround(x, input);
            }
            (Some(before), _) => {
                let frame = before.layer.conv.output();
                before.with_z(image, |z| {
                    before.saved.affine.apply(&frame, z, &conv.input(), input);
                });
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

impl InputFrames for ForwardImages<'_> {
    fn input(&self, image: usize) -> Option<&[f32]> {
        self.inputs.input(image)
    }

    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.inputs.fill_input(image, input);
    }
}

impl ForwardPass for ForwardImages<'_> {
    fn take_output(&self, image: usize, z: &[f32]) {
        let frame = self.inputs.layer.conv.output();
        let mut moments = self.moments[image]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        moments::of_image(&frame, z, &mut moments);
    }
}

/// Computes the result `[n, c, h, w]` from the output of the last convolution.
pub(super) fn result(plan: &Plan, saved: &Saved, operands: Operands<'_>) -> BlockResult {
    let tail = &plan.tail;
    let output = tail.output();
    let y_len = output.channels * output.h * output.w;
    let mut frames = Buffer::new(plan.n * output.len());
    let (Some(layer), Some(saved)) = (plan.layers.last(), saved.layers.last()) else {
        return BlockResult {
            planes: Vec::new(),
            frames,
        };
    };
    let last = Computed {
        layer,
        saved,
        x: operands.x,
    };
    let write = |y: &mut [f32]| {
        y.par_chunks_mut(y_len)
            .zip(frames.par_chunks_mut(output.len()))
            .enumerate()
            .for_each(|(image, (y, pixels))| {
                with_residual(plan, operands.residual, image, |added| {
                    last.with_z(image, |z| {
                        tail.forward(&saved.affine, z, added, pixels);
                    });
                });
                output.unpack(pixels, y);
            });
    };
    // SAFETY: there are as many parts of `y` as images, and `unpack` writes a whole image.
    let planes = unsafe { written(plan.n * y_len, write) };
    BlockResult { planes, frames }
}

/// Calls `f` with the residual of one image, channels last; empty without a residual.
pub(super) fn with_residual<R>(
    plan: &Plan,
    residual: Images<'_>,
    image: usize,
    f: impl FnOnce(&[f32]) -> R,
) -> R {
    let frame = plan.tail.residual();
    match residual {
        _ if plan.tail.residual_len() == 0 => f(&[]),
        Images::Frames(values) => f(&values[image * frame.len()..][..frame.len()]),
        Images::Planes(values) => with_scratch(frame.len(), |added| {
            let len = frame.channels * frame.h * frame.w;
            frame.pack(&values[image * len..][..len], added);
            f(added)
        }),
    }
}
