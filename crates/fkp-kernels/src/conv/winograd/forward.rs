//! The forward pass: pixels to points, products, points to pixels with the fused epilogue.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use rayon::prelude::*;

use super::transform::{IN, Input, OUT, Output, POINTS, Transform};
use super::weights::{Rows, to_points};
use super::{Plan, cells};
use crate::Activation;
use crate::conv::epilogue::INACTIVE;
use crate::conv::geometry::Geometry;
use crate::conv::{Conv2dConfig, Pooling};
use crate::matmul::Write;
use crate::microkernel::Product;
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Computes all images; see [`crate::conv::forward::forward`].
pub(crate) fn forward(
    g: &Geometry,
    config: &Conv2dConfig,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    winners: Option<&mut [u8]>,
) -> Vec<f32> {
    let plan = Plan::new(g, config);
    let (oh, ow) = g.out_size(config.pooling);
    let out_len = g.c_out * oh * ow;
    let mut out = vec![0.0f32; g.n * out_len];
    let mut padded_bias = vec![0.0f32; plan.c_out];
    if let Some(bias) = bias {
        padded_bias[..g.c_out].copy_from_slice(bias);
    }
    with_scratch(plan.weights_len(), |u| {
        to_points(w, g.c_out, g.c_in, Rows::In, u);
        let (u, bias) = (&*u, padded_bias.as_slice());
        let one = |(out, x): (&mut [f32], &[f32]), winners: Option<&mut [u8]>| {
            image(&plan, config, x, u, bias, out, winners);
        };
        let images = out.par_chunks_mut(out_len).zip(x.par_chunks(g.x_len()));
        match winners {
            None => images.for_each(|image| one(image, None)),
            Some(winners) => images
                .zip(winners.par_chunks_mut(plan.output.len()))
                .for_each(|(image, winners)| one(image, Some(winners))),
        }
    });
    out
}

fn image(
    plan: &Plan,
    config: &Conv2dConfig,
    x: &[f32],
    u: &[f32],
    bias: &[f32],
    out: &mut [f32],
    winners: Option<&mut [u8]>,
) {
    let points = POINTS * (plan.v_stride() + plan.m_stride());
    let len = plan.input.len() + points + plan.output.len();
    with_scratch(len, |scratch| {
        let (input, rest) = scratch.split_at_mut(plan.input.len());
        let (points, output) = rest.split_at_mut(points);
        plan.input.fill(x, input);
        dispatch(Tiles {
            plan,
            config,
            input,
            u,
            bias,
            points,
            output,
            winners,
        });
        plan.output.extract(output, out);
    });
}

/// All tiles of one image.
struct Tiles<'a> {
    plan: &'a Plan,
    config: &'a Conv2dConfig,
    input: &'a [f32],
    u: &'a [f32],
    bias: &'a [f32],
    points: &'a mut [f32],
    output: &'a mut [f32],
    winners: Option<&'a mut [u8]>,
}

impl Kernel for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            config,
            input,
            u,
            bias,
            points,
            output,
            mut winners,
        } = self;
        let (v, m) = points.split_at_mut(POINTS * plan.v_stride());
        let matrix = plan.c_in * plan.c_out;
        for first in (0..plan.tiles).step_by(plan.block) {
            let count = plan.block.min(plan.tiles - first);
            to_points_block(s, plan, input, first, count, v);
            let product = Product {
                m: count,
                n: plan.c_out,
                k: plan.c_in,
                a_row: plan.c_in,
                a_col: 1,
                b_row: plan.c_out,
                dst_row: plan.c_out,
            };
            for point in 0..POINTS {
                let v = &v[point * plan.v_stride()..][..plan.v_stride()];
                let m = &mut m[point * plan.m_stride()..][..plan.m_stride()];
                product.run(s, v, &u[point * matrix..][..matrix], m, Write::Overwrite);
            }
            let winners = winners.as_deref_mut();
            from_points_block(s, plan, config, m, bias, first, count, output, winners);
        }
    }
}

/// Transforms `count` tiles of the input frame to `v`, one matrix `[tiles, c_in]` per point.
#[inline(always)]
pub(super) fn to_points_block<S: Simd>(
    s: S,
    plan: &Plan,
    input: &[f32],
    first: usize,
    count: usize,
    v: &mut [f32],
) {
    let (depth, stride) = (plan.c_in, plan.v_stride());
    let line = plan.input.frame_w * depth;
    assert!(first + count <= plan.tiles && count <= plan.block);
    assert!(input.len() == plan.input.len() && v.len() >= POINTS * stride);
    for t in 0..count {
        let corner = plan.input_at(first + t);
        for c in (0..depth).step_by(S::F32_LANES) {
            let mut pixels = [[s.splat_f32s(0.0); IN]; IN];
            for (y, row) in pixels.iter_mut().enumerate() {
                for (x, v) in row.iter_mut().enumerate() {
                    // SAFETY: the frame has two more rows and columns than the tiles' output, so
                    // 6×6 pixels from the corner of any tile are inside; c + LANES <= depth.
                    *v = unsafe { s.load(input.as_ptr().add(corner + y * line + x * depth + c)) };
                }
            }
            let transformed = Input.apply_2d(s, &pixels);
            for (point, &value) in transformed.as_flattened().iter().enumerate() {
                let at = point * stride + t * depth + c;
                // SAFETY: t < count <= block, so the store ends inside this point's stride.
                unsafe { s.store(v.as_mut_ptr().add(at), value) };
            }
        }
    }
}

/// Transforms the products of `count` tiles to pixels and finishes them.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "buffers of one block of tiles")]
fn from_points_block<S: Simd>(
    s: S,
    plan: &Plan,
    config: &Conv2dConfig,
    m: &[f32],
    bias: &[f32],
    first: usize,
    count: usize,
    output: &mut [f32],
    mut winners: Option<&mut [u8]>,
) {
    let (depth, stride) = (plan.c_out, plan.m_stride());
    let cells = cells(config.pooling);
    let line = plan.output.frame_w * depth;
    assert!(first + count <= plan.tiles && count <= plan.block && bias.len() == depth);
    assert!(output.len() == plan.output.len() && m.len() >= POINTS * stride);
    assert!(winners.as_ref().is_none_or(|w| w.len() == output.len()));
    let relu = config.activation == Activation::Relu;
    for t in 0..count {
        let corner = plan.output_at(first + t, cells);
        for c in (0..depth).step_by(S::F32_LANES) {
            let mut products = [[s.splat_f32s(0.0); IN]; IN];
            for (point, v) in products.as_flattened_mut().iter_mut().enumerate() {
                // SAFETY: t < count <= block, so the load ends inside this point's stride.
                *v = unsafe { s.load(m.as_ptr().add(point * stride + t * depth + c)) };
            }
            let pixels = Output.apply_2d(s, &products);
            // SAFETY: c + LANES <= depth = bias.len().
            let bias = unsafe { s.load(bias.as_ptr().add(c)) };
            match config.pooling {
                Pooling::None => {
                    for (y, row) in pixels.iter().enumerate() {
                        for (x, &pixel) in row.iter().enumerate() {
                            let value = s.add_f32s(pixel, bias);
                            let value = if relu { s.relu(value) } else { value };
                            let at = corner + y * line + x * depth + c;
                            // SAFETY: the output frame consists of whole tiles of 4×4 pixels.
                            unsafe { s.store(output.as_mut_ptr().add(at), value) };
                        }
                    }
                }
                Pooling::Max2 => {
                    for y in 0..OUT / 2 {
                        for x in 0..OUT / 2 {
                            let quad = [
                                pixels[2 * y][2 * x],
                                pixels[2 * y][2 * x + 1],
                                pixels[2 * y + 1][2 * x],
                                pixels[2 * y + 1][2 * x + 1],
                            ];
                            let (max, winner) = quad_winner(s, quad);
                            let value = s.add_f32s(max, bias);
                            let zero = s.splat_f32s(0.0);
                            let (value, winner) = if relu {
                                let inactive = s.splat_f32s(f32::from(INACTIVE));
                                (
                                    s.relu(value),
                                    s.select_f32s(
                                        s.greater_than_f32s(value, zero),
                                        winner,
                                        inactive,
                                    ),
                                )
                            } else {
                                (value, winner)
                            };
                            let at = corner + y * line + x * depth + c;
                            // SAFETY: the output frame consists of whole tiles of 2×2 values,
                            // and the winners have its length.
                            unsafe { s.store(output.as_mut_ptr().add(at), value) };
                            if let Some(winners) = winners.as_deref_mut() {
                                // SAFETY: as above.
                                unsafe { s.store_bytes(winners.as_mut_ptr().add(at), winner) };
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The largest of four vectors lane by lane, the first among equals, and its index.
#[inline(always)]
pub(crate) fn quad_winner<S: Simd>(s: S, quad: [S::f32s; 4]) -> (S::f32s, S::f32s) {
    let (mut max, mut winner) = (quad[0], s.splat_f32s(0.0));
    for (i, &v) in quad.iter().enumerate().skip(1) {
        winner = s.select_f32s(s.greater_than_f32s(v, max), s.splat_f32s(i as f32), winner);
        max = s.select_f32s(s.greater_than_f32s(v, max), v, max);
    }
    (max, winner)
}
