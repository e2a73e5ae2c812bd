//! Small feature maps: the tiles of several images together.
//!
//! A map of 12×12 pixels has nine tiles, so that the matrices of an image have nine rows, and the
//! products are limited by reading the transformed weights, which are megabytes. With the tiles of
//! many images, weights and their gradient are read and written once per point. Three stages follow
//! each other: images to points, products, points to images; the first and last are parallel over
//! images, the products over points.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use std::ops::Range;

use rayon::prelude::*;

use super::frames::FrameWinograd;
use super::plan::Plan;
use super::tiles::{load_square, store_square};
use super::transform::{IN, Input, InputAdjoint, OUT, Output, OutputAdjoint, POINTS, Transform};
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
    fn points(&self, depth: usize) -> Points {
        Points::new(self.size * self.conv.plan.tiles, depth)
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
            m.matrices_mut()
                .zip(v.matrices())
                .zip(weights.par_chunks(matrix))
                .for_each(|((m, v), u)| product.dispatch(v, u, m, Write::Overwrite));
            z[part.start * z_len..part.end * z_len]
                .par_chunks_mut(z_len)
                .enumerate()
                .for_each(|(i, z)| {
                    dispatch(ToOutput {
                        plan,
                        points: &m,
                        first: i * plan.tiles,
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
            v.matrices_mut()
                .zip(m.matrices())
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
                        points: &v,
                        first: (image - part.start) * plan.tiles,
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
        points: &mut Points,
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
                    rows,
                    first,
                });
            });
        });
    }

    fn gradients_to_points(
        &self,
        images: &impl BackwardPass,
        part: Range<usize>,
        points: &mut Points,
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
                    rows,
                    first,
                });
            });
        });
    }
}

/// One matrix `[tiles, depth]` per point.
struct Points {
    values: Buffer,
    depth: usize,
    stride: usize,
    tiles: usize,
}

impl Points {
    fn new(tiles: usize, depth: usize) -> Self {
        // Values that keep equal positions of all points out of one cache set.
        const SKEW: usize = 16;
        let stride = tiles * depth + SKEW;
        Self {
            values: Buffer::new(POINTS * stride),
            depth,
            stride,
            tiles,
        }
    }

    fn matrices(&self) -> rayon::slice::ChunksExact<'_, f32> {
        self.values.par_chunks_exact(self.stride)
    }

    fn matrices_mut(&mut self) -> rayon::slice::ChunksExactMut<'_, f32> {
        self.values.par_chunks_exact_mut(self.stride)
    }

    fn rows(&mut self) -> Rows<'_> {
        Rows {
            values: self.values.as_mut_ptr(),
            depth: self.depth,
            stride: self.stride,
            tiles: self.tiles,
            points: std::marker::PhantomData,
        }
    }
}

/// The rows of the matrices, which are written by the tasks of different images.
#[derive(Clone, Copy)]
struct Rows<'a> {
    values: *mut f32,
    depth: usize,
    stride: usize,
    tiles: usize,
    points: std::marker::PhantomData<&'a mut Points>,
}

// SAFETY: of each row there is one task that writes it, and none that reads it meanwhile.
unsafe impl Send for Rows<'_> {}
// SAFETY: as above.
unsafe impl Sync for Rows<'_> {}

impl Rows<'_> {
    /// Writes the 36 vectors of a tile.
    ///
    /// # Safety
    /// The tile is one of the task's own, and `c + LANES` is at most the depth.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, s: S, tile: usize, c: usize, points: &[[S::f32s; IN]; IN]) {
        // SAFETY: the caller's contract; the buffer has `POINTS` matrices of `stride` values.
        unsafe {
            store_square(
                s,
                points,
                self.values.add(tile * self.depth + c),
                self.stride,
            )
        };
    }
}

/// The points of the tiles of an input frame.
struct FromInput<'a> {
    plan: &'a Plan,
    input: &'a [f32],
    rows: Rows<'a>,
    first: usize,
}

impl Kernel for FromInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            rows,
            first,
        } = self;
        let depth = plan.c_in;
        let line = plan.input.frame_w * depth;
        assert!(input.len() == plan.input.len() && rows.depth == depth);
        assert!(first + plan.tiles <= rows.tiles);
        for t in 0..plan.tiles {
            let offset = plan.input_offset(t);
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: the frame has two more rows and columns than the tiles' output, so 6×6
                // pixels from the corner of any tile are inside; the tile is this image's.
                unsafe {
                    let pixels = load_square(s, input.as_ptr().add(offset + c), line, depth);
                    rows.store(s, first + t, c, &Input.apply_2d(s, &pixels));
                }
            }
        }
    }
}

/// The points of the tiles of a gradient of the output.
struct FromGradient<'a> {
    plan: &'a Plan,
    dy: &'a [f32],
    rows: Rows<'a>,
    first: usize,
}

impl Kernel for FromGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            dy,
            rows,
            first,
        } = self;
        let depth = plan.c_out;
        let line = plan.output.frame_w * depth;
        assert!(dy.len() == plan.output.len() && rows.depth == depth);
        assert!(first + plan.tiles <= rows.tiles);
        for t in 0..plan.tiles {
            let corner = plan.output_offset(t);
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: the output frame consists of whole tiles; the tile is this image's.
                unsafe {
                    let pixels: [[S::f32s; OUT]; OUT] =
                        load_square(s, dy.as_ptr().add(corner + c), line, depth);
                    rows.store(s, first + t, c, &OutputAdjoint.apply_2d(s, &pixels));
                }
            }
        }
    }
}

/// The output frame of an image from its points.
struct ToOutput<'a> {
    plan: &'a Plan,
    points: &'a Points,
    first: usize,
    z: &'a mut [f32],
}

impl Kernel for ToOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            points,
            first,
            z,
        } = self;
        let depth = plan.c_out;
        let line = plan.output.frame_w * depth;
        assert!(z.len() == plan.output.len() && points.depth == depth);
        assert!(first + plan.tiles <= points.tiles);
        for t in 0..plan.tiles {
            let corner = plan.output_offset(t);
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: the tile is one of the matrices' rows; the output frame consists of
                // whole tiles of 4×4 pixels.
                unsafe {
                    let from = points.values.as_ptr().add((first + t) * depth + c);
                    let values = load_square(s, from, IN * points.stride, points.stride);
                    let pixels = Output.apply_2d(s, &values);
                    for (y, row) in pixels.iter().enumerate() {
                        for (x, &pixel) in row.iter().enumerate() {
                            s.store(z.as_mut_ptr().add(corner + y * line + x * depth + c), pixel);
                        }
                    }
                }
            }
        }
    }
}

/// The gradient of the input of an image from its points; tiles overlap, `dx` is zero before.
struct ToInput<'a> {
    plan: &'a Plan,
    points: &'a Points,
    first: usize,
    dx: &'a mut [f32],
}

impl Kernel for ToInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            points,
            first,
            dx,
        } = self;
        let depth = plan.c_in;
        let line = plan.input.frame_w * depth;
        assert!(dx.len() == plan.input.len() && points.depth == depth);
        assert!(first + plan.tiles <= points.tiles);
        for t in 0..plan.tiles {
            let corner = plan.input_offset(t);
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: the tile is one of the matrices' rows; the frame has two more rows and
                // columns than the tiles' output.
                unsafe {
                    let from = points.values.as_ptr().add((first + t) * depth + c);
                    let values = load_square(s, from, IN * points.stride, points.stride);
                    let pixels = InputAdjoint.apply_2d(s, &values);
                    for (y, row) in pixels.iter().enumerate() {
                        for (x, &value) in row.iter().enumerate() {
                            let to = dx.as_mut_ptr().add(corner + y * line + x * depth + c);
                            s.store(to, s.add_f32s(s.load(to), value));
                        }
                    }
                }
            }
        }
    }
}
