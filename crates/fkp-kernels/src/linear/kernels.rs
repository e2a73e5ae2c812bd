//! The three matrix products of a dense layer, on operands where they lie.
#![expect(unsafe_code, reason = "vector loads in the innermost loop")]

use rayon::prelude::*;

use crate::conv::layout::{Frame, padded};
use crate::matmul::{Strides, Write, matmul};
use crate::microkernel::Product;
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Rows of the weights per parallel task.
const ROWS: usize = 32;
/// Input values per pass over a task's rows: their part of a batch stays in the second cache.
const DEPTH: usize = 2048;
/// Columns of the weights per parallel task of the input gradient.
const COLUMNS: usize = 256;
/// Largest batch for which each output is computed as a dot product.
const FEW: usize = 4;

/// Sizes of the products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
}

struct Run<'a>(Product, &'a [f32], &'a [f32], &'a mut [f32], Write);

impl Kernel for Run<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.0.run(s, self.1, self.2, self.3, self.4);
    }
}

/// `y = x · wᵀ`, handed over as `finish(row, column, value)`.
pub(super) fn forward(z: Sizes, x: &[f32], w: &[f32], mut finish: impl FnMut(usize, usize, f32)) {
    let Sizes { rows, n_in, n_out } = z;
    let width = if rows <= FEW { rows } else { padded(rows) };
    with_scratch(n_out * width, |products| {
        let tasks = products
            .par_chunks_mut(ROWS * width)
            .zip(w.par_chunks(ROWS * n_in));
        if rows <= FEW {
            tasks.for_each(|(dst, w)| {
                dispatch(Dots {
                    x,
                    w,
                    n_in,
                    rows,
                    dst,
                })
            });
        } else {
            // One row of the batch per lane: [n_in, rows], padded to whole vectors.
            let frame = Frame {
                channels: rows,
                h: 1,
                w: n_in,
                frame_h: 1,
                frame_w: n_in,
                margin: 0,
            };
            with_scratch(frame.len(), |xt| {
                frame.fill(x, xt);
                let xt = &*xt;
                tasks.for_each(|(dst, w)| {
                    for first in (0..n_in).step_by(DEPTH) {
                        let k = DEPTH.min(n_in - first);
                        let product = Product {
                            m: w.len() / n_in,
                            n: width,
                            k,
                            a_row: n_in,
                            a_col: 1,
                            b_row: width,
                            dst_row: width,
                        };
                        let write = if first == 0 {
                            Write::Overwrite
                        } else {
                            Write::Accumulate
                        };
                        dispatch(Run(product, &w[first..], &xt[first * width..], dst, write));
                    }
                });
            });
        }
        for (column, products) in products.chunks_exact(width).enumerate() {
            for (row, &product) in products[..rows].iter().enumerate() {
                finish(row, column, product);
            }
        }
    });
}

/// `m` rows of `dyᵀ · x` from `first_row` and `width` columns from `first`; rows of `dst` are
/// `dst_row` apart.
pub(crate) fn weight_gradient_block(
    z: Sizes,
    x: &[f32],
    dy: &[f32],
    (first_row, m): (usize, usize),
    (first, width): (usize, usize),
    (dst, dst_row): (&mut [f32], usize),
) {
    let Sizes { rows, n_in, n_out } = z;
    assert!(x.len() == rows * n_in && dy.len() == rows * n_out);
    let vectors = width / CHANNEL_BLOCK * CHANNEL_BLOCK;
    let product = Product {
        m,
        n: vectors,
        k: rows,
        a_row: 1,
        a_col: n_out,
        b_row: n_in,
        dst_row,
    };
    let (a, b) = (&dy[first_row..], &x[first..]);
    dispatch(Run(product, a, b, dst, Write::Overwrite));
    if vectors < width {
        matmul(
            (m, width - vectors, rows),
            &mut dst[vectors..],
            Strides::row_major(dst_row),
            Write::Overwrite,
            a,
            Strides::transposed(n_out),
            &b[vectors..],
            Strides::row_major(n_in),
        );
    }
}

/// `dyᵀ · x`.
pub(crate) fn weight_gradient(z: Sizes, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let n_in = z.n_in;
    let mut dw = vec![0.0f32; z.n_out * n_in];
    dw.par_chunks_mut(ROWS * n_in)
        .enumerate()
        .for_each(|(task, dw)| {
            let rows = (task * ROWS, dw.len() / n_in);
            for first in (0..n_in).step_by(DEPTH) {
                let columns = (first, DEPTH.min(n_in - first));
                weight_gradient_block(z, x, dy, rows, columns, (&mut dw[first..], n_in));
            }
        });
    dw
}

/// `dy · w`.
pub(super) fn input_gradient(z: Sizes, w: &[f32], dy: &[f32]) -> Vec<f32> {
    let Sizes { rows, n_in, n_out } = z;
    let mut dx = vec![0.0f32; rows * n_in];
    with_scratch(rows * n_in, |blocks| {
        blocks
            .par_chunks_mut(COLUMNS * rows)
            .enumerate()
            .for_each(|(task, block)| {
                let width = block.len() / rows;
                let vectors = width / CHANNEL_BLOCK * CHANNEL_BLOCK;
                // Rows of w lie far apart: copying the task's part once, in long runs, is faster
                // than touching all the pages again for each block of the batch.
                with_scratch(n_out * width, |panel| {
                    for (o, line) in panel.chunks_exact_mut(width).enumerate() {
                        line.copy_from_slice(&w[o * n_in + task * COLUMNS..][..width]);
                    }
                    let product = Product {
                        m: rows,
                        n: vectors,
                        k: n_out,
                        a_row: n_out,
                        a_col: 1,
                        b_row: width,
                        dst_row: width,
                    };
                    dispatch(Run(product, dy, panel, block, Write::Overwrite));
                    if vectors < width {
                        matmul(
                            (rows, width - vectors, n_out),
                            &mut block[vectors..],
                            Strides::row_major(width),
                            Write::Overwrite,
                            dy,
                            Strides::row_major(n_out),
                            &panel[vectors..],
                            Strides::row_major(width),
                        );
                    }
                });
            });
        for (task, block) in blocks.chunks(COLUMNS * rows).enumerate() {
            let width = block.len() / rows;
            for (row, values) in block.chunks_exact(width).enumerate() {
                dx[row * n_in + task * COLUMNS..][..width].copy_from_slice(values);
            }
        }
    });
    dx
}

/// `dst[o, row] = w[o] · x[row]` for a few rows: the weights are read once, at memory speed.
struct Dots<'a> {
    x: &'a [f32],
    w: &'a [f32],
    n_in: usize,
    rows: usize,
    dst: &'a mut [f32],
}

impl Kernel for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            x,
            w,
            n_in,
            rows,
            dst,
        } = self;
        assert!(x.len() == rows * n_in && w.len() * rows == dst.len() * n_in);
        let mut fours = w.chunks_exact(4 * n_in);
        let mut dst_fours = dst.chunks_exact_mut(4 * rows);
        for (w, dst) in (&mut fours).zip(&mut dst_fours) {
            for (row, x) in x.chunks_exact(n_in).enumerate() {
                for (o, product) in dots::<S, 4>(s, x, w).into_iter().enumerate() {
                    dst[o * rows + row] = product;
                }
            }
        }
        let rest = fours.remainder().chunks_exact(n_in);
        for (w, dst) in rest.zip(dst_fours.into_remainder().chunks_exact_mut(rows)) {
            for (x, dst) in x.chunks_exact(n_in).zip(dst) {
                [*dst] = dots::<S, 1>(s, x, w);
            }
        }
    }
}

/// The products of `x` with each of `R` rows. Several rows at a time are several streams from
/// memory at a time, which one core needs to use its bandwidth.
#[inline(always)]
fn dots<S: Simd, const R: usize>(s: S, x: &[f32], w: &[f32]) -> [f32; R] {
    const CHAINS: usize = 2;
    let n = x.len();
    assert_eq!(w.len(), R * n);
    let step = CHAINS * S::F32_LANES;
    let whole = n / step * step;
    let mut sums = [[s.splat_f32s(0.0); CHAINS]; R];
    for i in (0..whole).step_by(step) {
        for chain in 0..CHAINS {
            let at = i + chain * S::F32_LANES;
            // SAFETY: at + LANES <= whole <= n, the length of x and of each row.
            unsafe {
                let factor = s.load(x.as_ptr().add(at));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let w = s.load(w.as_ptr().add(row * n + at));
                    sums[chain] = s.mul_add(factor, w, sums[chain]);
                }
            }
        }
    }
    let mut products = [0.0; R];
    for (row, product) in products.iter_mut().enumerate() {
        let w = &w[row * n + whole..][..n - whole];
        let tail: f32 = x[whole..].iter().zip(w).map(|(x, w)| x * w).sum();
        *product = sum_of_lanes(s, s.add_f32s(sums[row][0], sums[row][1])) + tail;
    }
    products
}

#[inline(always)]
fn sum_of_lanes<S: Simd>(s: S, v: S::f32s) -> f32 {
    let mut lanes = [0.0f32; CHANNEL_BLOCK];
    assert!(S::F32_LANES <= lanes.len());
    // SAFETY: asserted above.
    unsafe { s.store(lanes.as_mut_ptr(), v) };
    lanes.iter().sum()
}
