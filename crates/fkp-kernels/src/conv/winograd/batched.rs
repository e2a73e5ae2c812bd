//! Small feature maps: the tiles of several images together.
//!
//! A map of 12×12 pixels has nine tiles, so that the matrices of an image have nine rows, and the
//! products are limited by reading the transformed weights, which are megabytes. With the tiles of
//! many images, weights and their gradient are read and written once per point. Three stages follow
//! each other: images to points, products, points to images; the first and last are parallel over
//! images, the products over points.

use std::ops::Range;

use rayon::prelude::*;

use super::backward::{OutputGradient, output_to_points, points_to_input};
use super::forward::{OutputBuffers, points_to_output};
use super::frames::FrameWinograd;
use super::plan::{Plan, SKEW};
use super::tiles::{PointRows, Points, input_to_points};
use super::transform::POINTS;
use super::weights::from_points;
use crate::conv::frame_buffers::{BackwardPass, ForwardPass};
use crate::matmul::{Product, Strided, Write};
use crate::recycle::Buffer;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Tiles of an image up to which this is faster.
const MAX_TILES: usize = 64;

/// Bytes of the points of the images that are transformed together.
const BYTES: usize = 12 << 20;

/// How a batch is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batched<'a> {
    conv: &'a FrameWinograd,
    n: usize,
    /// Images that are transformed together.
    size: usize,
}

impl<'a> Batched<'a> {
    /// `None` where the maps are large enough for one image at a time.
    pub(crate) fn new(conv: &'a FrameWinograd, n: usize) -> Option<Self> {
        let plan = &conv.plan;
        if plan.tiles > MAX_TILES || n < 2 {
            return None;
        }
        let image = POINTS * plan.tiles * (plan.c_in + plan.c_out) * size_of::<f32>();
        let parts = (n * image).div_ceil(BYTES);
        Some(Self {
            conv,
            n,
            size: n.div_ceil(parts),
        })
    }

    /// The images of each part.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let Self { n, size, .. } = *self;
        (0..n)
            .step_by(size)
            .map(move |first| first..n.min(first + size))
    }

    /// Memory for the points of a part.
    fn points(&self, depth: usize) -> Matrices {
        Matrices::new(self.size * self.conv.plan.tiles, depth)
    }

    /// Computes the output frames `z`, one per image.
    pub(crate) fn forward(&self, images: &impl ForwardPass, weights: &[f32], z: &mut [f32]) {
        let plan = &self.conv.plan;
        let (mut v, mut m) = (self.points(plan.c_in), self.points(plan.c_out));
        let matrix = plan.c_in * plan.c_out;
        let z_len = plan.output.len();
        for part in self.parts() {
            let rows = part.len() * plan.tiles;
            self.inputs_to_points(part.clone(), &mut v, |image, input| {
                images.fill_input(image, input);
            });
            let product = Product {
                m: rows,
                n: plan.c_out,
                a_row_stride: plan.c_in,
                a_columns: Strided {
                    count: plan.c_in,
                    stride: 1,
                },
                b_row_stride: plan.c_out,
                dst_row_stride: plan.c_out,
            };
            m.each_mut()
                .zip(v.each())
                .zip(weights.par_chunks(matrix))
                .for_each(|((m, v), u)| product.dispatch(v, u, m, Write::Overwrite));
            z[part.start * z_len..part.end * z_len]
                .par_chunks_mut(z_len)
                .enumerate()
                .for_each(|(i, z)| {
                    dispatch(ToOutput {
                        conv: self.conv,
                        points: m.starting_at(i * plan.tiles),
                        z: &mut *z,
                    });
                    images.take_output(part.start + i, z);
                });
        }
    }

    /// Computes the gradient of the weights, `[c_out, c_in, 3, 3]`, and passes on those of the
    /// input if `weights` is not empty.
    pub(crate) fn gradients(&self, images: &impl BackwardPass, weights: &[f32], dw: &mut [f32]) {
        let plan = &self.conv.plan;
        let (mut v, mut m) = (self.points(plan.c_in), self.points(plan.c_out));
        let matrix = plan.c_in * plan.c_out;
        let mut du = Buffer::new(plan.weights_len());
        let mut write = Write::Overwrite;
        for part in self.parts() {
            let rows = part.len() * plan.tiles;
            self.inputs_to_points(part.clone(), &mut v, |image, input| {
                images.fill_input(image, input);
            });
            self.gradients_to_points(images, part.clone(), &mut m);
            let of_weights = Product {
                m: plan.c_in,
                n: plan.c_out,
                a_row_stride: 1,
                a_columns: Strided {
                    count: rows,
                    stride: plan.c_in,
                },
                b_row_stride: plan.c_out,
                dst_row_stride: plan.c_out,
            };
            let of_input = Product {
                m: rows,
                n: plan.c_in,
                a_row_stride: plan.c_out,
                a_columns: Strided {
                    count: plan.c_out,
                    stride: 1,
                },
                b_row_stride: plan.c_in,
                dst_row_stride: plan.c_in,
            };
            v.each_mut()
                .zip(m.each())
                .zip(du.par_chunks_mut(matrix))
                .enumerate()
                .for_each(|(point, ((v, m), du))| {
                    of_weights.dispatch(v, m, du, write);
                    if !weights.is_empty() {
                        let u = &weights[point * matrix..][..matrix];
                        of_input.dispatch(m, u, v, Write::Overwrite);
                    }
                });
            write = Write::Accumulate;
            if weights.is_empty() {
                continue;
            }
            part.clone().into_par_iter().for_each(|image| {
                with_scratch(plan.input.len(), |dx| {
                    dx.fill(0.0);
                    dispatch(ToInput {
                        plan,
                        points: v.starting_at((image - part.start) * plan.tiles),
                        dx,
                    });
                    images.take_input_gradient(image, dx);
                });
            });
        }
        from_points(&du, self.conv.c_out, self.conv.c_in, dw);
    }

    fn inputs_to_points(
        &self,
        part: Range<usize>,
        points: &mut Matrices,
        fill_input: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let plan = &self.conv.plan;
        let rows = points.rows();
        part.clone().into_par_iter().for_each(|image| {
            with_scratch(plan.input.len(), |input| {
                fill_input(image, input);
                let first = (image - part.start) * plan.tiles;
                dispatch(FromInput {
                    plan,
                    input,
                    rows: rows.starting_at(first),
                });
            });
        });
    }

    fn gradients_to_points(
        &self,
        images: &impl BackwardPass,
        part: Range<usize>,
        points: &mut Matrices,
    ) {
        let plan = &self.conv.plan;
        let rows = points.rows();
        part.clone().into_par_iter().for_each(|image| {
            with_scratch(plan.output.len(), |dy| {
                images.fill_gradient(image, dy);
                let first = (image - part.start) * plan.tiles;
                dispatch(FromGradient {
                    plan,
                    dy,
                    rows: rows.starting_at(first),
                });
            });
        });
    }
}

/// Memory for one matrix `[tiles, depth]` per point.
struct Matrices {
    values: Buffer,
    depth: usize,
    stride: usize,
}

impl Matrices {
    fn new(tiles: usize, depth: usize) -> Self {
        let stride = tiles * depth + SKEW;
        Self {
            values: Buffer::new(POINTS * stride),
            depth,
            stride,
        }
    }

    fn each(&self) -> rayon::slice::ChunksExact<'_, f32> {
        self.values.par_chunks_exact(self.stride)
    }

    fn each_mut(&mut self) -> rayon::slice::ChunksExactMut<'_, f32> {
        self.values.par_chunks_exact_mut(self.stride)
    }

    /// The rows of all tiles, which the tasks of different images write.
    fn rows(&mut self) -> PointRows<'_> {
        PointRows::new(&mut self.values, self.stride, self.depth)
    }

    /// The rows from that of a tile on.
    fn starting_at(&self, tile: usize) -> Points<'_> {
        Points {
            values: &self.values[tile * self.depth..],
            stride: self.stride,
        }
    }
}

/// The points of the tiles of an input frame.
struct FromInput<'a> {
    plan: &'a Plan,
    input: &'a [f32],
    rows: PointRows<'a>,
}

impl Kernel for FromInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { plan, input, rows } = self;
        input_to_points(s, plan, input, plan.whole(), rows);
    }
}

/// The points of the tiles of a gradient of the output.
struct FromGradient<'a> {
    plan: &'a Plan,
    dy: &'a [f32],
    rows: PointRows<'a>,
}

impl Kernel for FromGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { plan, dy, rows } = self;
        let output = OutputGradient { dy, argmax: &[] };
        output_to_points(s, plan, &output, plan.whole(), rows, None);
    }
}

/// The output frame of an image from its points.
struct ToOutput<'a> {
    conv: &'a FrameWinograd,
    points: Points<'a>,
    z: &'a mut [f32],
}

impl Kernel for ToOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { conv, points, z } = self;
        let mut output = OutputBuffers {
            values: z,
            argmax: None,
        };
        let (plan, bias) = (&conv.plan, &conv.no_bias);
        points_to_output(s, plan, points, bias, plan.whole(), &mut output);
    }
}

/// The gradient of the input of an image from its points; `dx` is zero before.
struct ToInput<'a> {
    plan: &'a Plan,
    points: Points<'a>,
    dx: &'a mut [f32],
}

impl Kernel for ToInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { plan, points, dx } = self;
        points_to_input(s, plan, points, plan.whole(), dx);
    }
}
