//! Convolution of few input channels without unrolling: the first layer of a network on gray or
//! color images.
//!
//! An unrolled image of one channel is nine times the image and its matrix product has an
//! inner dimension of nine: memory traffic for nothing. Here each pixel is broadcast from the
//! (padded) image and multiplied with a vector of output channels, one output row at a time, so
//! that bias, activation and pooling find their input in the first cache.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use rayon::prelude::*;

use super::backward::{Gradients, Saved, add_in_order, group_size};
use super::epilogue::INACTIVE;
use super::geometry::Geometry;
use super::layout::{Frame, padded};
use super::winograd::quad_winner;
use super::{Conv2dConfig, Pooling};
use crate::Activation;
use crate::microkernel::{TapProduct, TapSums};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Input channels up to which this is faster than unrolling.
const FEW: usize = 4;

/// Whether this algorithm computes the convolution, and faster than unrolling would.
pub(crate) fn applies(g: &Geometry) -> bool {
    g.c_in <= FEW && g.c_out >= 8 && g.kh * g.kw > 1
}

/// Where things lie for one image.
struct Plan<'a> {
    g: &'a Geometry,
    config: &'a Conv2dConfig,
    /// Output channels in whole vectors.
    depth: usize,
    /// Width of a padded row of the image, and its size.
    line: usize,
    plane: usize,
    /// Where each tap reads relative to the window's corner.
    taps: Vec<usize>,
    /// The output; pooled, if pooling is fused.
    output: Frame,
}

impl<'a> Plan<'a> {
    fn new(g: &'a Geometry, config: &'a Conv2dConfig) -> Self {
        let line = g.w + 2 * g.padding;
        let plane = line * (g.h + 2 * g.padding);
        let mut taps = Vec::with_capacity(g.taps());
        for c in 0..g.c_in {
            for y in 0..g.kh {
                taps.extend((0..g.kw).map(|x| c * plane + y * line + x));
            }
        }
        let (h, w) = g.out_size(config.pooling);
        let output = Frame {
            channels: g.c_out,
            h,
            w,
            frame_h: h,
            frame_w: w,
            margin: 0,
        };
        Self {
            g,
            config,
            depth: padded(g.c_out),
            line,
            plane,
            taps,
            output,
        }
    }

    fn input_len(&self) -> usize {
        self.g.c_in * self.plane
    }

    /// Rows of the convolution behind one row of the output.
    fn rows(&self) -> usize {
        match self.config.pooling {
            Pooling::None => 1,
            Pooling::Max2 => 2,
        }
    }

    /// Floats of those rows.
    fn rows_len(&self) -> usize {
        self.rows() * self.g.wo * self.depth
    }

    /// Surrounds the image with zeros.
    fn pad(&self, x: &[f32], input: &mut [f32]) {
        let (g, p) = (self.g, self.g.padding);
        input.fill(0.0);
        for (plane, x) in input
            .chunks_exact_mut(self.plane)
            .zip(x.chunks_exact(g.h * g.w))
        {
            for (line, x) in plane[p * self.line..]
                .chunks_mut(self.line)
                .zip(x.chunks_exact(g.w))
            {
                line[p..p + g.w].copy_from_slice(x);
            }
        }
    }

    /// Where the windows of row `y` of the convolution start in the padded image.
    fn row_at(&self, y: usize) -> usize {
        y * self.g.stride * self.line
    }
}

/// Bytes of the record of winners: one per output value, channels side by side.
pub(crate) fn winners_len(g: &Geometry, config: &Conv2dConfig) -> usize {
    g.n * Plan::new(g, config).output.len()
}

/// Computes all images; see [`super::forward::forward`].
pub(crate) fn forward(
    g: &Geometry,
    config: &Conv2dConfig,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    winners: Option<&mut [u8]>,
) -> Vec<f32> {
    let plan = Plan::new(g, config);
    let out_len = g.c_out * plan.output.h * plan.output.w;
    let mut out = vec![0.0f32; g.n * out_len];
    // [taps, depth] and [depth], padded with zeros.
    let mut spread = vec![0.0f32; g.taps() * plan.depth];
    for (o, w) in w.chunks_exact(g.taps()).enumerate() {
        w.iter()
            .enumerate()
            .for_each(|(tap, &w)| spread[tap * plan.depth + o] = w);
    }
    let mut padded_bias = vec![0.0f32; plan.depth];
    if let Some(bias) = bias {
        padded_bias[..g.c_out].copy_from_slice(bias);
    }
    let one = |(out, x): (&mut [f32], &[f32]), winners: Option<&mut [u8]>| {
        with_scratch(
            plan.input_len() + plan.rows_len() + plan.output.len(),
            |scratch| {
                let (input, rest) = scratch.split_at_mut(plan.input_len());
                let (rows, output) = rest.split_at_mut(plan.rows_len());
                plan.pad(x, input);
                let (w, bias) = (spread.as_slice(), padded_bias.as_slice());
                dispatch(Forward {
                    plan: &plan,
                    input,
                    w,
                    bias,
                    rows,
                    output,
                    winners,
                });
                plan.output.extract(output, out);
            },
        );
    };
    let images = out.par_chunks_mut(out_len).zip(x.par_chunks(g.x_len()));
    match winners {
        None => images.for_each(|image| one(image, None)),
        Some(winners) => images
            .zip(winners.par_chunks_mut(plan.output.len()))
            .for_each(|(image, winners)| one(image, Some(winners))),
    }
    out
}

struct Forward<'a> {
    plan: &'a Plan<'a>,
    input: &'a [f32],
    w: &'a [f32],
    bias: &'a [f32],
    rows: &'a mut [f32],
    output: &'a mut [f32],
    winners: Option<&'a mut [u8]>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            w,
            bias,
            rows,
            output,
            mut winners,
        } = self;
        let (g, depth) = (plan.g, plan.depth);
        let row_len = plan.output.frame_w * depth;
        let conv_len = g.wo * depth;
        assert!(bias.len() == depth && rows.len() == plan.rows_len());
        assert!(winners.as_ref().is_none_or(|w| w.len() == output.len()));
        let product = TapProduct {
            m: g.wo,
            n: depth,
            a_row: g.stride,
            taps: &plan.taps,
        };
        let relu = plan.config.activation == Activation::Relu;
        let zero = s.splat_f32s(0.0);
        for (y, out) in output.chunks_exact_mut(row_len).enumerate() {
            for (i, row) in rows.chunks_exact_mut(conv_len).enumerate() {
                product.run(s, &input[plan.row_at(plan.rows() * y + i)..], w, row);
            }
            let winners = winners
                .as_deref_mut()
                .map(|w| &mut w[y * row_len..][..row_len]);
            let winners = winners.map_or(std::ptr::null_mut(), <[u8]>::as_mut_ptr);
            for x in 0..plan.output.frame_w {
                for c in (0..depth).step_by(S::F32_LANES) {
                    // SAFETY: c + LANES <= depth; a row of the convolution has g.wo pixels, of
                    // which pooling reads 2 · frame_w at most; `out` has frame_w pixels and
                    // `winners`, where not null, the same length.
                    unsafe {
                        let b = s.load(bias.as_ptr().add(c));
                        let to = out.as_mut_ptr().add(x * depth + c);
                        match plan.config.pooling {
                            Pooling::None => {
                                let value = s.add_f32s(s.load(rows.as_ptr().add(x * depth + c)), b);
                                s.store(to, if relu { s.relu(value) } else { value });
                            }
                            Pooling::Max2 => {
                                let top = rows.as_ptr().add(2 * x * depth + c);
                                let bottom = top.add(conv_len);
                                let (max, winner) = quad_winner(
                                    s,
                                    [
                                        s.load(top),
                                        s.load(top.add(depth)),
                                        s.load(bottom),
                                        s.load(bottom.add(depth)),
                                    ],
                                );
                                let value = s.add_f32s(max, b);
                                s.store(to, if relu { s.relu(value) } else { value });
                                if !winners.is_null() {
                                    let inactive = s.splat_f32s(f32::from(INACTIVE));
                                    let winner = if relu {
                                        s.select_f32s(
                                            s.greater_than_f32s(value, zero),
                                            winner,
                                            inactive,
                                        )
                                    } else {
                                        winner
                                    };
                                    s.store_bytes(winners.add(x * depth + c), winner);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Computes the gradients of weights and bias; see [`super::backward::backward`].
pub(crate) fn parameter_gradients(
    g: &Geometry,
    config: &Conv2dConfig,
    saved: &Saved<'_>,
    grad: &[f32],
) -> Gradients {
    let plan = Plan::new(g, config);
    let group = group_size(g.n);
    let out_len = grad.len() / g.n;
    // Per partial sum: [taps, depth] of weights, then [depth] of bias.
    let partial_len = (g.taps() + 1) * plan.depth;
    let sums = with_scratch(g.n.div_ceil(group) * partial_len, |partials| {
        partials
            .par_chunks_mut(partial_len)
            .enumerate()
            .for_each(|(index, partial)| {
                partial.fill(0.0);
                let (dw, db) = partial.split_at_mut(g.taps() * plan.depth);
                let len = plan.input_len() + plan.rows_len() + plan.output.len() + out_len;
                with_scratch(len, |scratch| {
                    let (input, rest) = scratch.split_at_mut(plan.input_len());
                    let (rows, rest) = rest.split_at_mut(plan.rows_len());
                    let (dy, masked) = rest.split_at_mut(plan.output.len());
                    for image in index * group..g.n.min((index + 1) * group) {
                        let grad = &grad[image * out_len..][..out_len];
                        plan.pad(&saved.x[image * g.x_len()..][..g.x_len()], input);
                        let winners = match config.pooling {
                            Pooling::Max2 => {
                                plan.output.fill(grad, dy);
                                &saved.winners[image * dy.len()..][..dy.len()]
                            }
                            Pooling::None => {
                                let y = &saved.y[image * out_len..][..out_len];
                                config.activation.backward_into(masked, y, grad);
                                plan.output.fill(masked, dy);
                                &[]
                            }
                        };
                        dispatch(Backward {
                            plan: &plan,
                            input,
                            dy,
                            winners,
                            rows,
                            dw,
                            db,
                        });
                    }
                });
            });
        add_in_order(partials, partial_len)
    });
    let (dw, db) = sums.split_at(g.taps() * plan.depth);
    let w = (0..g.c_out)
        .flat_map(|o| dw.chunks_exact(plan.depth).map(move |tap| tap[o]))
        .collect();
    Gradients {
        x: None,
        w,
        bias: db[..g.c_out].to_vec(),
    }
}

struct Backward<'a> {
    plan: &'a Plan<'a>,
    input: &'a [f32],
    /// Gradient of the output, channels side by side.
    dy: &'a [f32],
    /// Which value won each window; empty without pooling.
    winners: &'a [u8],
    rows: &'a mut [f32],
    dw: &'a mut [f32],
    db: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            plan,
            input,
            dy,
            winners,
            rows,
            dw,
            db,
        } = self;
        let (g, depth) = (plan.g, plan.depth);
        let row_len = plan.output.frame_w * depth;
        let conv_len = g.wo * depth;
        assert!(db.len() == depth && rows.len() == plan.rows_len());
        let sums = TapSums {
            k: g.wo,
            n: depth,
            a_step: g.stride,
            taps: &plan.taps,
        };
        let zero = s.splat_f32s(0.0);
        // An odd last column belongs to no window.
        rows.fill(0.0);
        for (y, dy) in dy.chunks_exact(row_len).enumerate() {
            let winners = match plan.config.pooling {
                Pooling::None => &[],
                Pooling::Max2 => &winners[y * row_len..][..row_len],
            };
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: c + LANES <= depth; `dy` and, with pooling, `winners` have frame_w
                // pixels; a row of the convolution has g.wo, at least 2 · frame_w with pooling.
                unsafe {
                    let mut sum = s.load(db.as_ptr().add(c));
                    for x in 0..plan.output.frame_w {
                        let grad = s.load(dy.as_ptr().add(x * depth + c));
                        if winners.is_empty() {
                            s.store(rows.as_mut_ptr().add(x * depth + c), grad);
                            sum = s.add_f32s(sum, grad);
                            continue;
                        }
                        let winner = s.load_bytes(winners.as_ptr().add(x * depth + c));
                        for i in 0..4 {
                            let routed = s.select_f32s(
                                s.equal_f32s(winner, s.splat_f32s(i as f32)),
                                grad,
                                zero,
                            );
                            let at = (i / 2) * conv_len + (2 * x + i % 2) * depth + c;
                            s.store(rows.as_mut_ptr().add(at), routed);
                        }
                        let inactive = s.splat_f32s(f32::from(INACTIVE));
                        sum = s.add_f32s(
                            sum,
                            s.select_f32s(s.equal_f32s(winner, inactive), zero, grad),
                        );
                    }
                    s.store(db.as_mut_ptr().add(c), sum);
                }
            }
            for (i, row) in rows.chunks_exact(conv_len).enumerate() {
                sums.run(s, &input[plan.row_at(plan.rows() * y + i)..], row, dw);
            }
        }
    }
}

/// The winners of one image in the order of the output's planes, for the general backward pass.
pub(crate) fn winners_in_planes(g: &Geometry, config: &Conv2dConfig, winners: &[u8]) -> Vec<u8> {
    let plan = Plan::new(g, config);
    let pixels = plan.output.h * plan.output.w;
    let image = plan.output.len();
    let mut planes = Vec::with_capacity(g.n * g.c_out * pixels);
    for winners in winners.chunks_exact(image) {
        for c in 0..g.c_out {
            planes.extend(winners.iter().skip(c).step_by(plan.depth));
        }
    }
    planes
}
