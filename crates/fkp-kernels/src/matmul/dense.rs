//! The three matrix products of a dense layer, without copies of the weights.
#![expect(unsafe_code, reason = "vector loads in the innermost loop")]

use std::ops::Range;

use rayon::prelude::*;

use super::{Matrix, Product, Strided, Write, matmul};
use crate::layout::{Frame, padded};
use crate::recycle::Buffer;
use crate::scratch::with_scratch;
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

/// Rows of the weights per parallel task.
const ROWS: usize = 32;
/// Input values per pass over a task's rows: their part of a batch stays in the second-level
/// cache.
const DEPTH: usize = 2048;
/// Columns of the weights per parallel task of the input gradient.
const COLUMNS: usize = 256;
/// Largest batch for which each output is computed as a dot product.
const MAX_DOT_ROWS: usize = 4;

/// Sizes of a dense layer: `x` is `[rows, n_in]`, `w` `[n_out, n_in]`, `y` `[rows, n_out]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DenseSizes {
    pub(crate) rows: usize,
    pub(crate) n_in: usize,
    pub(crate) n_out: usize,
}

/// The weight gradient `dyᵀ · x`, `[n_out, n_in]`, as its two factors.
#[derive(Clone, Copy)]
pub(crate) struct WeightGradient<'a> {
    pub(crate) sizes: DenseSizes,
    pub(crate) x: &'a [f32],
    pub(crate) dy: &'a [f32],
}

/// `y = x · wᵀ`; calls `finish(row, column, value)` for each value.
pub(crate) fn forward(
    sizes: DenseSizes,
    x: &[f32],
    w: &[f32],
    mut finish: impl FnMut(usize, usize, f32),
) {
    let DenseSizes { rows, n_in, n_out } = sizes;
    let few = rows <= MAX_DOT_ROWS;
    let width = if few { rows } else { padded(rows) };
    with_scratch(n_out * width, |products| {
        let tasks = products
            .par_chunks_mut(ROWS * width)
            .zip(w.par_chunks(ROWS * n_in));
        if few {
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
            let frame = Frame::tight(rows, 1, n_in);
            with_scratch(frame.len(), |xt| {
                frame.pack(x, xt);
                let xt = &*xt;
                tasks.for_each(|(dst, w)| {
                    for (pass, first) in (0..n_in).step_by(DEPTH).enumerate() {
                        let product = Product {
                            m: w.len() / n_in,
                            n: width,
                            a_row_stride: n_in,
                            a_columns: Strided {
                                count: DEPTH.min(n_in - first),
                                stride: 1,
                            },
                            b_row_stride: width,
                            dst_row_stride: width,
                        };
                        let (w, xt) = (&w[first..], &xt[first * width..]);
                        product.dispatch(w, xt, dst, Write::term(pass));
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

impl WeightGradient<'_> {
    /// Computes some rows and columns; rows of `dst` are `dst_row_stride` apart.
    pub(crate) fn block(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        dst: &mut [f32],
        dst_row_stride: usize,
    ) {
        let DenseSizes {
            rows: batch,
            n_in,
            n_out,
        } = self.sizes;
        assert!(self.x.len() == batch * n_in && self.dy.len() == batch * n_out);
        let product = Product {
            m: rows.len(),
            n: columns.len(),
            a_row_stride: 1,
            a_columns: Strided {
                count: batch,
                stride: n_out,
            },
            b_row_stride: n_in,
            dst_row_stride,
        };
        let (dy, x) = (&self.dy[rows.start..], &self.x[columns.start..]);
        multiply_any_width(product, dy, x, dst);
    }

    /// Computes the whole gradient.
    pub(crate) fn to_vec(self) -> Vec<f32> {
        let DenseSizes { n_in, n_out, .. } = self.sizes;
        let mut dw = vec![0.0f32; n_out * n_in];
        dw.par_chunks_mut(ROWS * n_in)
            .enumerate()
            .for_each(|(task, dw)| {
                let rows = task * ROWS..task * ROWS + dw.len() / n_in;
                for first in (0..n_in).step_by(DEPTH) {
                    let columns = first..n_in.min(first + DEPTH);
                    self.block(rows.clone(), columns, &mut dw[first..], n_in);
                }
            });
        dw
    }
}

/// The input gradient `dy · w`.
pub(crate) fn input_gradient(sizes: DenseSizes, w: &[f32], dy: &[f32]) -> Buffer {
    let DenseSizes { rows, n_in, n_out } = sizes;
    let mut dx = Buffer::new(rows * n_in);
    with_scratch(rows * n_in, |blocks| {
        blocks
            .par_chunks_mut(COLUMNS * rows)
            .enumerate()
            .for_each(|(task, block)| {
                let width = block.len() / rows;
                // Rows of w are far apart: copying the task's columns once, in long runs, is
                // faster than touching all the pages again for each block of the batch.
                with_scratch(n_out * width, |panel| {
                    for (o, line) in panel.chunks_exact_mut(width).enumerate() {
                        line.copy_from_slice(&w[o * n_in + task * COLUMNS..][..width]);
                    }
                    let product = Product {
                        m: rows,
                        n: width,
                        a_row_stride: n_out,
                        a_columns: Strided {
                            count: n_out,
                            stride: 1,
                        },
                        b_row_stride: width,
                        dst_row_stride: width,
                    };
                    multiply_any_width(product, dy, panel, block);
                });
            });
        let blocks = &*blocks;
        dx.par_chunks_mut(n_in).enumerate().for_each(|(row, dx)| {
            let parts = dx.chunks_mut(COLUMNS).zip(blocks.chunks(COLUMNS * rows));
            for (dx, block) in parts {
                dx.copy_from_slice(&block[row * dx.len()..][..dx.len()]);
            }
        });
    });
    dx
}

/// A product whose `n` is not a multiple of the vector length: whole vectors by the microkernel,
/// the remaining columns by `gemm`.
fn multiply_any_width(product: Product, a: &[f32], b: &[f32], dst: &mut [f32]) {
    let Product { m, n, .. } = product;
    let Strided { count: k, stride } = product.a_columns;
    let vectors = n / CHANNEL_BLOCK * CHANNEL_BLOCK;
    Product {
        n: vectors,
        ..product
    }
    .dispatch(a, b, dst, Write::Overwrite);
    if vectors < n {
        let a = Matrix {
            values: a,
            rows: m,
            cols: k,
            row_stride: product.a_row_stride,
            col_stride: stride,
        };
        let b = Matrix {
            row_stride: product.b_row_stride,
            ..Matrix::new(&b[vectors..], k, n - vectors)
        };
        let dst = Matrix {
            row_stride: product.dst_row_stride,
            ..Matrix::new(&mut dst[vectors..], m, n - vectors)
        };
        matmul(a, b, dst, Write::Overwrite);
    }
}

/// `dst[o, row] = w[o] · x[row]` for a small batch: the weights are read once, which is bound by
/// memory bandwidth.
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

/// The dot products of `x` with each of `R` rows. Several rows at a time are several streams from
/// memory at a time, which one core needs to use its bandwidth.
#[inline(always)]
fn dots<S: Simd, const R: usize>(s: S, x: &[f32], w: &[f32]) -> [f32; R] {
    const CHAINS: usize = 2;
    let n = x.len();
    assert_eq!(w.len(), R * n);
    let stride = CHAINS * S::F32_LANES;
    let whole = n / stride * stride;
    let mut sums = [[s.splat_f32s(0.0); CHAINS]; R];
    for i in (0..whole).step_by(stride) {
        for chain in 0..CHAINS {
            let offset = i + chain * S::F32_LANES;
            // SAFETY: offset + LANES <= whole <= n, the length of x and of each row.
            unsafe {
                let factor = s.load(x.as_ptr().add(offset));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let w = s.load(w.as_ptr().add(row * n + offset));
                    sums[chain] = s.mul_add(factor, w, sums[chain]);
                }
            }
        }
    }
    let mut products = [0.0; R];
    for (row, product) in products.iter_mut().enumerate() {
        let w = &w[row * n + whole..][..n - whole];
        let tail: f32 = x[whole..].iter().zip(w).map(|(x, w)| x * w).sum();
        let lanes = s.to_lanes(s.add_f32s(sums[row][0], sums[row][1]));
        *product = lanes.iter().sum::<f32>() + tail;
    }
    products
}
