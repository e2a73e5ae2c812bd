//! The backward pass, from the last convolution to the first.
//!
//! The gradient of a normalization by the statistics of the batch needs two sums over the batch. They
//! are gathered where the gradient of its result is computed, and applied where it is read next:
//! each convolution is one pass.
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::forward::{Computed, Inputs, Operands, Saved, SavedLayer, with_residual};
use super::gradients::{Inner, InputGradient, Last, Sums};
use super::plan::Plan;
use super::tail::{Addition, Tail};
use crate::conv::{BackwardPass, InputFrames, Pooling};
use crate::layout::{Frame, padded};
use crate::port::{Slot, Sum};
use crate::recycle::Buffer;
use crate::scratch::with_scratch;

/// Where the gradients go that are not those of the variables.
pub(super) struct Needed<'a> {
    pub(super) x: Target<'a>,
    pub(super) residual: Target<'a>,
}

/// Where the gradient of an operand goes.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// It is not needed.
    None,
    /// Returned as planes.
    Planes,
    /// Added to that of a block's result.
    Slot(&'a Slot),
}

/// The gradients of the operands; empty where not needed as planes.
pub(super) struct Gradients {
    pub(super) x: Vec<f32>,
    pub(super) parameters: Vec<f32>,
    pub(super) residual: Vec<f32>,
}

/// Computes the gradients from that of the result, `dy`, a frame per image. Each buffer is
/// released as soon as nothing before it in the block needs it.
pub(super) fn backward(
    plan: &Plan,
    mut saved: Saved,
    operands: Operands<'_>,
    dy: Buffer,
    needed: Needed<'_>,
) -> Gradients {
    let mut parameters = vec![0.0; operands.parameters.len()];
    let (mut residual, mut x) = (Vec::new(), Vec::new());
    let (mut sums, mut kept) = (Vec::new(), None);
    let mut dy = Some(dy);
    for (index, layer) in plan.layers.iter().enumerate().rev() {
        let Some(of_layer) = saved.layers.pop() else {
            break;
        };
        let previous = saved.layers.last().map(|saved| Computed {
            layer: &plan.layers[index - 1],
            saved,
            x: operands.x,
        });
        let pass = Pass {
            plan,
            operands,
            this: Computed {
                layer,
                saved: &of_layer,
                x: operands.x,
            },
            previous,
            gradient: match (dy.as_deref(), kept.as_deref()) {
                (Some(dy), _) => OutputGradient::Result(dy),
                (None, kept) => OutputGradient::Normalized(kept.unwrap_or_default()),
            },
        };
        if let Some(dy) = dy.as_deref() {
            (sums, residual) = pass.last_sums(dy, needed.residual);
        }
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
        let before = pass.convolution(&total, needed.x, dw);
        (x, kept, sums) = (before.x, before.kept, before.sums);
        if let Some(dy) = dy.take()
            && is_gradient_of_residual(&plan.tail)
        {
            match needed.residual {
                Target::None => {}
                Target::Planes => residual = to_planes(plan.n, &plan.tail.residual(), &dy),
                Target::Slot(slot) => slot.add(dy),
            }
        }
    }
    Gradients {
        x,
        parameters,
        residual,
    }
}

/// Whether the gradient of the residual, which is added last, is that of the result.
fn is_gradient_of_residual(tail: &Tail) -> bool {
    (tail.addition, tail.pooling) == (Addition::AfterActivation, Pooling::None)
}

fn to_planes(n: usize, frame: &Frame, images: &[f32]) -> Vec<f32> {
    let len = frame.channels * frame.h * frame.w;
    let mut planes = vec![0.0; n * len];
    planes
        .par_chunks_mut(len)
        .zip(images.par_chunks(frame.len()))
        .for_each(|(planes, image)| frame.unpack(image, planes));
    planes
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

/// The gradient from which that of a convolution's output is computed, a frame per image.
#[derive(Clone, Copy)]
enum OutputGradient<'a> {
    /// That of the block's result: this is the last convolution.
    Result(&'a [f32]),
    /// That of the normalized output.
    Normalized(&'a [f32]),
}

/// The backward pass of one convolution.
#[derive(Clone, Copy)]
struct Pass<'a> {
    plan: &'a Plan,
    operands: Operands<'a>,
    this: Computed<'a>,
    previous: Option<Computed<'a>>,
    gradient: OutputGradient<'a>,
}

impl Pass<'_> {
    /// Calls `f` with an image of the last convolution; `dy` is the gradient of its result.
    fn with_last(&self, image: usize, dy: &[f32], f: impl FnOnce(Last<'_>)) {
        let (plan, saved) = (self.plan, self.this.saved);
        with_residual(plan, self.operands.residual, image, |residual| {
            self.this.with_z(image, |z| {
                f(Last {
                    tail: &plan.tail,
                    affine: &saved.affine,
                    statistics: &saved.statistics,
                    z,
                    residual,
                    dy,
                });
            });
        });
    }

    /// The sums of the last convolution, `[n, 2, depth]`, and the gradient of the residual where it
    /// is not `dy`.
    fn last_sums(&self, dy: &[f32], target: Target<'_>) -> (Vec<f64>, Vec<f32>) {
        let (plan, n) = (self.plan, self.plan.n);
        let frame = plan.tail.residual();
        let sums_len = 2 * padded(frame.channels);
        let mut sums = vec![0.0; n * sums_len];
        let target = match is_gradient_of_residual(&plan.tail) {
            true => Target::None,
            false => target,
        };
        let mut residual = Destination::new(target, n, &frame);
        sums.par_chunks_mut(sums_len)
            .zip(residual.images(n))
            .zip(dy.par_chunks(plan.tail.output().len()))
            .enumerate()
            .for_each(|(image, ((sums, mut residual), dy))| {
                residual.with_frame(&frame, |pixels| {
                    self.with_last(image, dy, |last| last.sums(Sums(sums), pixels));
                });
            });
        (sums, residual.finish(target))
    }

    /// The gradients of one convolution: writes that of the weights to `dw`. `total` are the sums
    /// over the batch.
    fn convolution(&self, total: &[f64], target: Target<'_>, dw: &mut [f32]) -> Before {
        let (layer, saved) = (self.this.layer, self.this.saved);
        let (n, conv, g) = (self.plan.n, &layer.conv, &layer.geometry);
        let gradient = InputGradient::new(&saved.affine, &saved.statistics, total, layer.count());
        let target = match self.previous {
            None => target,
            Some(_) => Target::None,
        };
        let needs_dx = self.previous.is_some() || !matches!(target, Target::None);
        let weights = match needs_dx {
            true => {
                conv.gradient_weights(&self.operands.parameters[layer.parameters.weight.clone()])
            }
            false => Vec::new(),
        };
        let (kept_len, sums_len) = self.previous.map_or((0, 0), |before| {
            let frame = before.layer.conv.output();
            (frame.len(), 2 * padded(frame.channels))
        });
        let mut kept_before = self.previous.map(|_| Buffer::new(n * kept_len));
        let mut sums = vec![0.0; n * sums_len];
        let frame = Frame::tight(g.c_in, g.h, g.w);
        let mut x = Destination::new(target, n, &frame);
        let kept = kept_before.as_deref_mut().unwrap_or_default();
        let outputs = x
            .images(n)
            .into_iter()
            .zip(chunks_or_empty(kept, kept_len, n))
            .zip(chunks_or_empty(&mut sums, sums_len, n))
            .map(|((x, kept), sums)| Mutex::new(ImageOutputs { x, kept, sums }));
        let images = LayerImages {
            pass: *self,
            inputs: Inputs {
                layer,
                previous: self.previous,
                x: self.operands.x,
            },
            gradient: &gradient,
            outputs: outputs.collect(),
        };
        conv.gradients_batch(n, &images, &weights, dw);
        drop(images);
        Before {
            x: x.finish(target),
            kept: kept_before,
            sums,
        }
    }
}

/// Memory for the gradient of an operand.
enum Destination {
    None,
    Planes { values: Vec<f32>, image_len: usize },
    Frames { sum: Sum, image_len: usize },
}

impl Destination {
    /// For `n` images in frames of this size.
    fn new(target: Target<'_>, n: usize, frame: &Frame) -> Self {
        match target {
            Target::None => Self::None,
            Target::Planes => {
                let image_len = frame.channels * frame.h * frame.w;
                Self::Planes {
                    values: vec![0.0; n * image_len],
                    image_len,
                }
            }
            Target::Slot(slot) => {
                let image_len = frame.len();
                let sum = slot.take().unwrap_or_else(|| Sum {
                    terms: 0,
                    values: Buffer::new(n * image_len),
                });
                Self::Frames { sum, image_len }
            }
        }
    }

    /// The part of each of `n` images.
    fn images(&mut self, n: usize) -> Vec<Part<'_>> {
        match self {
            Self::None => (0..n).map(|_| Part::None).collect(),
            Self::Planes { values, image_len } => {
                values.chunks_mut(*image_len).map(Part::Planes).collect()
            }
            Self::Frames { sum, image_len } => {
                let is_first = sum.terms == 0;
                let images = sum.values.chunks_mut(*image_len);
                let part = |image| match is_first {
                    true => Part::Frame(image),
                    false => Part::Sum(image),
                };
                images.map(part).collect()
            }
        }
    }

    /// The planes, unless the gradient goes to a slot.
    fn finish(self, target: Target<'_>) -> Vec<f32> {
        match (self, target) {
            (Self::Planes { values, .. }, _) => values,
            (Self::Frames { mut sum, .. }, Target::Slot(slot)) => {
                sum.terms += 1;
                slot.put(sum);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

/// Where the gradient of one image goes.
enum Part<'a> {
    None,
    Planes(&'a mut [f32]),
    Frame(&'a mut [f32]),
    /// Added to the frame.
    Sum(&'a mut [f32]),
}

impl Part<'_> {
    /// Calls `write` with a frame without margin for the gradient, empty if it is not needed.
    fn with_frame(&mut self, frame: &Frame, write: impl FnOnce(&mut [f32])) {
        match self {
            Self::None => write(&mut []),
            Self::Frame(to) => write(to),
            Self::Planes(_) | Self::Sum(_) => with_scratch(frame.len(), |pixels| {
                write(pixels);
                self.take(frame, pixels);
            }),
        }
    }

    /// Takes the gradient from a frame.
    fn take(&mut self, frame: &Frame, values: &[f32]) {
        match self {
            Self::None => {}
            Self::Planes(to) => frame.unpack(values, to),
            Self::Frame(to) => frame.extract(values, to),
            Self::Sum(to) => frame.add_to(values, to),
        }
    }
}

/// Where the gradients of one image go that the convolution before needs.
struct ImageOutputs<'a> {
    x: Part<'a>,
    kept: &'a mut [f32],
    sums: &'a mut [f64],
}

/// The images of one convolution.
struct LayerImages<'a> {
    pass: Pass<'a>,
    inputs: Inputs<'a>,
    gradient: &'a InputGradient,
    /// One for each image, which only the task of the image uses.
    outputs: Vec<Mutex<ImageOutputs<'a>>>,
}

impl InputFrames for LayerImages<'_> {
    fn input(&self, image: usize) -> Option<&[f32]> {
        self.inputs.input(image)
    }

    fn fill_input(&self, image: usize, input: &mut [f32]) {
        self.inputs.fill_input(image, input);
    }
}

impl BackwardPass for LayerImages<'_> {
    fn fill_gradient(&self, image: usize, dy: &mut [f32]) {
        let Computed { layer, saved, .. } = self.pass.this;
        let to = layer.conv.output_gradient();
        match self.pass.gradient {
            OutputGradient::Result(result) => {
                let len = self.pass.plan.tail.output().len();
                let result = &result[image * len..][..len];
                self.pass.with_last(image, result, |last| {
                    last.output_gradient(self.gradient, &to, dy);
                });
            }
            OutputGradient::Normalized(kept) => {
                let frame = layer.conv.output();
                let kept = &kept[image * frame.len()..][..frame.len()];
                self.pass.this.with_z(image, |z| {
                    let inner = saved.inner(&frame, z);
                    inner.output_gradient(self.gradient, kept, &to, dy);
                });
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
            None => x.take(&dx_frame, dx),
            Some(before) => {
                let frame = before.layer.conv.output();
                before.with_z(image, |z| {
                    let inner = before.saved.inner(&frame, z);
                    inner.sums(&dx_frame, dx, kept, Sums(sums));
                });
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
