//! The backward pass, from the last convolution to the first.
//!
//! The gradient of a normalization by the statistics of the batch needs two sums over the batch. They
//! are gathered where the gradient of its result is computed, and applied where it is read next:
//! each convolution is one pass.
#![expect(
    unsafe_code,
    reason = "the gradient of the input is not zeroed before it is written"
)]

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::forward::{Inputs, Operands, Saved, SavedLayer, pack_residual};
use super::gradients::{Inner, InputGradient, Last, Sums};
use super::plan::Plan;
use crate::conv::BackwardPass;
use crate::layout::{Frame, padded};
use crate::recycle::Buffer;
use crate::scratch::with_scratch;
use crate::written::written;

/// Which gradients are needed besides those of the variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needed {
    pub(super) x: bool,
    pub(super) residual: bool,
}

/// The gradients of the operands; empty where not needed.
pub(super) struct Gradients {
    pub(super) x: Vec<f32>,
    pub(super) parameters: Vec<f32>,
    pub(super) residual: Vec<f32>,
}

/// Computes the gradients from that of the result, `dy`.
pub(super) fn backward(
    plan: &Plan,
    saved: &Saved,
    operands: Operands<'_>,
    dy: &[f32],
    needed: Needed,
) -> Gradients {
    let mut packed = Buffer::new(plan.n * plan.tail.output().len());
    let mut pass = Pass {
        plan,
        saved,
        operands,
        dy: &[],
    };
    let mut parameters = vec![0.0; operands.parameters.len()];
    let (mut sums, residual) = pass.last_sums(dy, &mut packed, needed);
    pass.dy = &packed;
    let (mut x, mut kept) = (Vec::new(), None);
    for index in (0..plan.layers.len()).rev() {
        let layer = &plan.layers[index];
        // A loop over sums in f64, image by image.
        let depth = padded(layer.geometry.c_out);
        let mut total = vec![0.0; 2 * depth];
        for image in sums.chunks_exact(2 * depth) {
            total.iter_mut().zip(image).for_each(|(t, s)| *t += s);
        }
        let to_f32 = |values: &[f64], out: &mut [f32]| {
            out.iter_mut().zip(values).for_each(|(o, &v)| *o = v as f32);
        };
        to_f32(&total, &mut parameters[layer.parameters.beta.clone()]);
        to_f32(
            &total[depth..],
            &mut parameters[layer.parameters.gamma.clone()],
        );
        let dw = &mut parameters[layer.parameters.weight.clone()];
        let before = pass.convolution(index, &total, kept.as_deref(), needed, dw);
        (x, kept, sums) = (before.x, before.kept, before.sums);
    }
    Gradients {
        x,
        parameters,
        residual,
    }
}

/// What a convolution passes to the one before.
struct Before {
    /// The gradient of the block's input; empty if this is not the first convolution.
    x: Vec<f32>,
    /// The gradient of the normalized values of the convolution before, a frame per image.
    kept: Option<Buffer>,
    /// Its sums, `[n, 2, depth]`.
    sums: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Pass<'a> {
    plan: &'a Plan,
    saved: &'a Saved,
    operands: Operands<'a>,
    /// The gradient of the result, channels last.
    dy: &'a [f32],
}

impl Pass<'_> {
    /// Calls `f` with an image of the last convolution; `dy` is its part of [`Self::dy`].
    fn with_last(&self, image: usize, dy: &[f32], f: impl FnOnce(Last<'_>)) {
        let (plan, tail) = (self.plan, &self.plan.tail);
        let Some(saved) = self.saved.layers.last() else {
            return;
        };
        with_scratch(tail.residual_len(), |residual| {
            pack_residual(plan, self.operands.residual, image, residual);
            f(Last {
                tail,
                affine: &saved.affine,
                statistics: &saved.statistics,
                z: &saved.z[image * tail.z.len()..][..tail.z.len()],
                residual,
                dy,
            });
        });
    }

    /// The sums of the last convolution, `[n, 2, depth]`, and the gradient of the residual.
    /// `dy`, that of the result in planes, is written channels last to `packed`.
    fn last_sums(&self, dy: &[f32], packed: &mut [f32], needed: Needed) -> (Vec<f64>, Vec<f32>) {
        let (n, frame, output) = (
            self.plan.n,
            self.plan.tail.residual(),
            self.plan.tail.output(),
        );
        let sums_len = 2 * padded(frame.channels);
        let len = frame.channels * frame.h * frame.w;
        let mut sums = vec![0.0; n * sums_len];
        let mut residual = vec![0.0; if needed.residual { n * len } else { 0 }];
        let residuals = chunks_or_empty(&mut residual, len, n);
        let images = packed
            .par_chunks_mut(output.len())
            .zip(dy.par_chunks(output.channels * output.h * output.w));
        sums.par_chunks_mut(sums_len)
            .zip(residuals)
            .zip(images)
            .enumerate()
            .for_each(|(image, ((sums, residual), (packed, dy)))| {
                output.pack(dy, packed);
                let pixels = if needed.residual { frame.len() } else { 0 };
                with_scratch(pixels, |pixels| {
                    self.with_last(image, packed, |last| last.sums(Sums(sums), pixels));
                    if needed.residual {
                        frame.unpack(pixels, residual);
                    }
                });
            });
        (sums, residual)
    }

    /// The gradients of one convolution: writes that of the weights to `dw`. `total` are the sums
    /// over the batch, `kept` is the gradient of its normalized output, `None` for the last.
    fn convolution(
        &self,
        index: usize,
        total: &[f64],
        kept: Option<&[f32]>,
        needed: Needed,
        dw: &mut [f32],
    ) -> Before {
        let (plan, layer) = (self.plan, &self.plan.layers[index]);
        let (n, conv) = (plan.n, &layer.conv);
        let saved = &self.saved.layers[index];
        let gradient = InputGradient::new(&saved.affine, &saved.statistics, total, layer.count());
        let previous = match index {
            0 => None,
            _ => Some((&plan.layers[index - 1], &self.saved.layers[index - 1])),
        };
        let needs_dx = previous.is_some() || needed.x;
        let weights = match needs_dx {
            true => {
                conv.gradient_weights(&self.operands.parameters[layer.parameters.weight.clone()])
            }
            false => Vec::new(),
        };
        let x_len = layer.geometry.x_len();
        let (kept_len, sums_len) = previous.map_or((0, 0), |(before, _)| {
            let frame = before.conv.output();
            (frame.len(), 2 * padded(frame.channels))
        });
        let x_is_result = previous.is_none() && needed.x;
        let mut kept_before = previous.map(|_| Buffer::new(n * kept_len));
        let mut sums = vec![0.0; n * sums_len];
        let compute = |x: &mut [f32]| {
            let kept_before = kept_before.as_deref_mut().unwrap_or_default();
            let outputs = chunks_or_empty(x, x_len, n)
                .into_iter()
                .zip(chunks_or_empty(kept_before, kept_len, n))
                .zip(chunks_or_empty(&mut sums, sums_len, n))
                .map(|((x, kept), sums)| Mutex::new(ImageOutputs { x, kept, sums }));
            let images = LayerImages {
                pass: *self,
                inputs: Inputs {
                    layer,
                    previous,
                    x: self.operands.x,
                },
                saved,
                gradient: &gradient,
                kept,
                outputs: outputs.collect(),
            };
            conv.gradients_batch(n, &images, &weights, dw);
        };
        // SAFETY: where there is an `x` to be written, `weights` is not empty, so that the input
        // gradient of each image is computed and unpacked to its part of `x`.
        let x = unsafe { written(if x_is_result { n * x_len } else { 0 }, compute) };
        Before {
            x,
            kept: kept_before,
            sums,
        }
    }
}

/// Where the gradients of one image go that the convolution before needs.
struct ImageOutputs<'a> {
    x: &'a mut [f32],
    kept: &'a mut [f32],
    sums: &'a mut [f64],
}

/// The images of one convolution.
struct LayerImages<'a> {
    pass: Pass<'a>,
    inputs: Inputs<'a>,
    saved: &'a SavedLayer,
    gradient: &'a InputGradient,
    /// The gradient of the normalized values, `None` of the last convolution.
    kept: Option<&'a [f32]>,
    /// One for each image, which only the task of the image uses.
    outputs: Vec<Mutex<ImageOutputs<'a>>>,
}

impl BackwardPass for LayerImages<'_> {
    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.inputs.fill(image, input);
    }

    fn fill_gradient(&self, image: usize, dy: &mut [f32]) {
        let conv = &self.inputs.layer.conv;
        let to = conv.output_gradient();
        match self.kept {
            None => {
                let len = self.pass.plan.tail.output().len();
                let result = &self.pass.dy[image * len..][..len];
                self.pass.with_last(image, result, |last| {
                    last.output_gradient(self.gradient, &to, dy);
                });
            }
            Some(kept) => {
                let frame = conv.output();
                let image = image * frame.len()..(image + 1) * frame.len();
                let inner = self.saved.inner(&frame, &self.saved.z[image.clone()]);
                inner.output_gradient(self.gradient, &kept[image], &to, dy);
            }
        }
    }

    fn take_input_gradient(&self, image: usize, dx: &[f32]) {
        let dx_frame = self.inputs.layer.conv.input_gradient();
        let mut outputs = self.outputs[image]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ImageOutputs { x, kept, sums } = &mut *outputs;
        match self.inputs.previous {
            None => dx_frame.unpack(dx, x),
            Some((before, saved)) => {
                let frame = before.conv.output();
                let z = &saved.z[image * frame.len()..][..frame.len()];
                saved.inner(&frame, z).sums(&dx_frame, dx, kept, Sums(sums));
            }
        }
    }
}

impl SavedLayer {
    /// An image of this convolution.
    fn inner<'a>(&'a self, frame: &'a Frame, z: &'a [f32]) -> Inner<'a> {
        Inner {
            affine: &self.affine,
            statistics: &self.statistics,
            frame,
            z,
        }
    }
}

/// `count` parts of at most `len` values each, empty where `values` is.
fn chunks_or_empty<T>(values: &mut [T], len: usize, count: usize) -> Vec<&mut [T]> {
    if values.is_empty() {
        return (0..count).map(|_| Default::default()).collect();
    }
    values.chunks_mut(len).collect()
}
