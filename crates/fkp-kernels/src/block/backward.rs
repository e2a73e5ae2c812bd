//! The backward pass, from the last convolution to the first.
//!
//! The gradient of a normalization by the statistics of the batch needs two sums over the batch. They
//! are gathered where the gradient of its result is computed, and applied where it is read next:
//! each convolution is one pass.

use std::ops::Range;

use rayon::prelude::*;

use super::forward::{Operands, Saved, SavedLayer, fill_input, pack_residual};
use super::gradients::{Inner, InputGradient, Last, Sums};
use super::plan::{Layer, Plan};
use crate::conv::{GradientBuffers, PARTIAL_SUMS, add_in_order};
use crate::layout::padded;
use crate::recycle::Buffer;
use crate::scratch::with_scratch;

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
    let pass = Pass {
        plan,
        saved,
        operands,
        dy,
    };
    let mut parameters = vec![0.0; operands.parameters.len()];
    let (mut sums, residual) = pass.last_sums(needed);
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
    dy: &'a [f32],
}

/// Consecutive images, whose weight gradients are added by one task, and its part of the results.
struct Task<'a> {
    images: Range<usize>,
    partial: &'a mut [f32],
    x: &'a mut [f32],
    kept: &'a mut [f32],
    sums: &'a mut [f64],
}

impl Pass<'_> {
    /// The sums of the last convolution, `[n, 2, depth]`, and the gradient of the residual.
    fn last_sums(&self, needed: Needed) -> (Vec<f64>, Vec<f32>) {
        let (n, frame) = (self.plan.n, self.plan.tail.residual());
        let sums_len = 2 * padded(frame.channels);
        let len = frame.channels * frame.h * frame.w;
        let mut sums = vec![0.0; n * sums_len];
        let mut residual = vec![0.0; if needed.residual { n * len } else { 0 }];
        let residuals = chunks_or_empty(&mut residual, len, n);
        sums.par_chunks_mut(sums_len)
            .zip(residuals)
            .enumerate()
            .for_each(|(image, (sums, residual))| {
                let pixels = if needed.residual { frame.len() } else { 0 };
                with_scratch(pixels, |pixels| {
                    self.with_last(image, |last| last.sums(Sums(sums), pixels));
                    if needed.residual {
                        frame.unpack(pixels, residual);
                    }
                });
            });
        (sums, residual)
    }

    /// Calls `f` with an image of the last convolution.
    fn with_last(&self, image: usize, f: impl FnOnce(Last<'_>)) {
        let (plan, tail) = (self.plan, &self.plan.tail);
        let Some(saved) = self.saved.layers.last() else {
            return;
        };
        let output = tail.output();
        let planes = output.channels * output.h * output.w;
        with_scratch(output.len() + tail.residual_len(), |scratch| {
            let (dy, residual) = scratch.split_at_mut(output.len());
            output.pack(&self.dy[image * planes..][..planes], dy);
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
        let size = n.div_ceil(PARTIAL_SUMS);
        let groups = n.div_ceil(size);
        let x_len = layer.geometry.x_len();
        let (kept_len, sums_len) = previous.map_or((0, 0), |(before, _)| {
            let frame = before.conv.output();
            (frame.len(), 2 * padded(frame.channels))
        });
        let x_is_result = previous.is_none() && needed.x;
        let mut before = Before {
            x: vec![0.0; if x_is_result { n * x_len } else { 0 }],
            kept: previous.map(|_| Buffer::new(n * kept_len)),
            sums: vec![0.0; n * sums_len],
        };
        let partial_len = conv.partial_len();
        let sum = with_scratch(groups * partial_len, |partials| {
            let mut xs = chunks_or_empty(&mut before.x, size * x_len, groups).into_iter();
            let kept_values = before.kept.as_deref_mut().unwrap_or_default();
            let mut kepts = chunks_or_empty(kept_values, size * kept_len, groups).into_iter();
            let mut sums = chunks_or_empty(&mut before.sums, size * sums_len, groups).into_iter();
            let tasks = partials.chunks_exact_mut(partial_len).enumerate();
            let tasks = tasks.map(|(group, partial)| Task {
                images: group * size..n.min((group + 1) * size),
                partial,
                x: xs.next().unwrap_or_default(),
                kept: kepts.next().unwrap_or_default(),
                sums: sums.next().unwrap_or_default(),
            });
            let tasks: Vec<_> = tasks.collect();
            tasks.into_par_iter().for_each(|task| {
                self.task(layer, saved, previous, &gradient, kept, &weights, task);
            });
            add_in_order(partials, partial_len)
        });
        conv.weight_gradient(&sum, dw);
        before
    }

    fn task(
        &self,
        layer: &Layer,
        saved: &SavedLayer,
        previous: Option<(&Layer, &SavedLayer)>,
        gradient: &InputGradient,
        kept: Option<&[f32]>,
        weights: &[f32],
        task: Task<'_>,
    ) {
        let conv = &layer.conv;
        let Task {
            images,
            partial,
            x,
            kept: kept_before,
            sums,
        } = task;
        let (frame, dy_frame, dx_frame) =
            (conv.output(), conv.output_gradient(), conv.input_gradient());
        let dx_len = if weights.is_empty() {
            0
        } else {
            dx_frame.len()
        };
        let count = images.len();
        let mut xs = chunks_or_empty(x, layer.geometry.x_len(), count).into_iter();
        let kept_len = kept_before.len() / count;
        let mut kepts = chunks_or_empty(kept_before, kept_len, count).into_iter();
        let sums_len = sums.len() / count;
        let mut all_sums = chunks_or_empty(sums, sums_len, count).into_iter();
        conv.sum_gradients(partial, |dw| {
            for image in images {
                let len = conv.input_len() + dy_frame.len() + dx_len;
                with_scratch(len, |scratch| {
                    let (input, rest) = scratch.split_at_mut(conv.input_len());
                    let (dy, dx) = rest.split_at_mut(dy_frame.len());
                    fill_input(layer, previous, self.operands.x, image, input);
                    match kept {
                        None => self.with_last(image, |last| {
                            last.output_gradient(gradient, &dy_frame, dy);
                        }),
                        Some(kept) => {
                            let image = image * frame.len()..(image + 1) * frame.len();
                            let inner = Inner {
                                affine: &saved.affine,
                                statistics: &saved.statistics,
                                frame: &frame,
                                z: &saved.z[image.clone()],
                            };
                            inner.output_gradient(gradient, &kept[image], &dy_frame, dy);
                        }
                    }
                    conv.gradients(GradientBuffers {
                        input,
                        dy,
                        weights,
                        dw: &mut *dw,
                        dx: &mut *dx,
                    });
                    match previous {
                        None => {
                            if let Some(x) = xs.next().filter(|x| !x.is_empty()) {
                                dx_frame.unpack(dx, x);
                            }
                        }
                        Some((before, saved)) => {
                            let frame = before.conv.output();
                            let inner = Inner {
                                affine: &saved.affine,
                                statistics: &saved.statistics,
                                frame: &frame,
                                z: &saved.z[image * frame.len()..][..frame.len()],
                            };
                            let kept = kepts.next().unwrap_or_default();
                            let sums = Sums(all_sums.next().unwrap_or_default());
                            inner.sums(&dx_frame, dx, kept, sums);
                        }
                    }
                });
            }
        });
    }
}

/// `count` parts of at most `len` values each, empty where `values` is.
fn chunks_or_empty<T>(values: &mut [T], len: usize, count: usize) -> Vec<&mut [T]> {
    if values.is_empty() {
        return (0..count).map(|_| Default::default()).collect();
    }
    values.chunks_mut(len).collect()
}
