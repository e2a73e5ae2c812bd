//! The microkernel: small matrix products on operands that are packed already.
#![expect(unsafe_code, reason = "vector loads in the innermost loop")]

use super::Write;
use super::tile;
use crate::simd::{Kernel, Simd, dispatch};

/// `dst = a · b` or `dst += a · b` with `dst` of `m × n`, `n` a multiple of the vector length.
///
/// Element `(i, p)` of `a` is at `i · a_row_stride` plus offset `p` of `a_columns`, row `p` of `b`
/// at `p · b_row_stride` and row `i` of `dst` at `i · dst_row_stride`. Each element's products are
/// added in the order of `p`.
#[derive(Clone, Copy)]
pub(crate) struct Product<C = Strided> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) a_row_stride: usize,
    pub(crate) a_columns: C,
    pub(crate) b_row_stride: usize,
    pub(crate) dst_row_stride: usize,
}

/// Where the columns of an operand start.
pub(crate) trait Columns: Copy {
    fn offsets(self) -> impl Iterator<Item = usize>;
    /// The largest offset, `None` without columns.
    fn last(self) -> Option<usize>;
    fn count(self) -> usize;
}

/// `count` columns, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided {
    pub(crate) count: usize,
    pub(crate) stride: usize,
}

impl Columns for Strided {
    #[inline(always)]
    fn offsets(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |p| p * self.stride)
    }

    #[inline(always)]
    fn last(self) -> Option<usize> {
        Some(self.count.checked_sub(1)? * self.stride)
    }

    #[inline(always)]
    fn count(self) -> usize {
        self.count
    }
}

/// The taps of a convolution kernel: with these offsets the rows of `a` are the overlapping windows
/// of an image, read where they are instead of from a matrix of the windows (im2col).
impl Columns for &[usize] {
    #[inline(always)]
    fn offsets(self) -> impl Iterator<Item = usize> {
        self.iter().copied()
    }

    #[inline(always)]
    fn last(self) -> Option<usize> {
        self.iter().copied().max()
    }

    #[inline(always)]
    fn count(self) -> usize {
        self.len()
    }
}

impl Product {
    /// Runs this product alone, with the widest vectors of this CPU.
    pub(crate) fn dispatch(self, a: &[f32], b: &[f32], dst: &mut [f32], write: Write) {
        dispatch(Run {
            product: self,
            a,
            b,
            dst,
            write,
        });
    }
}

impl<C: Columns> Product<C> {
    /// Computes the product as part of another kernel.
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, a: &[f32], b: &[f32], dst: &mut [f32], write: Write) {
        let Self { m, n, .. } = self;
        if m == 0 || n == 0 {
            return;
        }
        assert!(
            n.is_multiple_of(S::F32_LANES),
            "n must be a multiple of the vector length"
        );
        assert!(
            (m - 1) * self.dst_row_stride + n <= dst.len(),
            "dst is too short"
        );
        if let Some(last) = self.a_columns.last() {
            assert!(
                (m - 1) * self.a_row_stride + last < a.len(),
                "a is too short"
            );
            let last = self.a_columns.count() - 1;
            assert!(last * self.b_row_stride + n <= b.len(), "b is too short");
        }
        let mut column = 0;
        while column < n {
            let vectors = (n - column) / S::F32_LANES;
            // SAFETY: the assertions above cover rows 0..m and columns 0..n; each call stays in
            // `column .. column + NV · LANES`, which is at most `n`.
            unsafe {
                if vectors >= 4 && S::ROW_VECTORS >= 4 {
                    self.columns::<S, 4, 4>(s, a, b, dst, column, write);
                    column += 4 * S::F32_LANES;
                } else if vectors >= 2 {
                    if S::ROW_VECTORS >= 4 {
                        self.columns::<S, 8, 2>(s, a, b, dst, column, write);
                    } else {
                        self.columns::<S, 4, 2>(s, a, b, dst, column, write);
                    }
                    column += 2 * S::F32_LANES;
                } else {
                    self.columns::<S, 8, 1>(s, a, b, dst, column, write);
                    column += S::F32_LANES;
                }
            }
        }
    }

    /// All rows of `NV` vectors of columns, `MR` rows at a time.
    #[inline(always)]
    unsafe fn columns<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        a: &[f32],
        b: &[f32],
        dst: &mut [f32],
        column: usize,
        write: Write,
    ) {
        let (a, b, dst) = (a.as_ptr(), b.as_ptr(), dst.as_mut_ptr());
        // Without columns the operands are empty: these two then point outside of them and are
        // never read.
        let b = b.wrapping_add(column);
        let row_of_a = |row: usize| a.wrapping_add(row * self.a_row_stride);
        let mut row = 0;
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            while row + MR <= self.m {
                let dst = dst.add(row * self.dst_row_stride + column);
                self.tile::<S, MR, NV>(s, row_of_a(row), b, dst, write);
                row += MR;
            }
            if MR > 4 && row + 4 <= self.m {
                let dst = dst.add(row * self.dst_row_stride + column);
                self.tile::<S, 4, NV>(s, row_of_a(row), b, dst, write);
                row += 4;
            }
            if MR > 2 && row + 2 <= self.m {
                let dst = dst.add(row * self.dst_row_stride + column);
                self.tile::<S, 2, NV>(s, row_of_a(row), b, dst, write);
                row += 2;
            }
            if row < self.m {
                let dst = dst.add(row * self.dst_row_stride + column);
                self.tile::<S, 1, NV>(s, row_of_a(row), b, dst, write);
            }
        }
    }

    /// `MR` rows of `NV` vectors, held in registers.
    #[inline(always)]
    unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        a: *const f32,
        b: *const f32,
        dst: *mut f32,
        write: Write,
    ) {
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            let mut sums = match write {
                Write::Overwrite => [[s.splat_f32s(0.0); NV]; MR],
                Write::Accumulate => tile::load(s, dst, self.dst_row_stride),
            };
            for (p, offset) in self.a_columns.offsets().enumerate() {
                let rows = tile::rows::<MR>(a.add(offset), self.a_row_stride);
                tile::add_outer_product(s, &mut sums, rows, b.add(p * self.b_row_stride));
            }
            tile::store(s, &sums, dst, self.dst_row_stride);
        }
    }
}

/// A product as a kernel of its own.
struct Run<'a> {
    product: Product,
    a: &'a [f32],
    b: &'a [f32],
    dst: &'a mut [f32],
    write: Write,
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.product.run(s, self.a, self.b, self.dst, self.write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_scalar_sum_for_every_remainder() {
        for (m, n, k) in [
            (1, 16, 1),
            (5, 48, 3),
            (9, 112, 2),
            (13, 64, 5),
            (15, 80, 4),
            (7, 32, 3),
            (3, 32, 0),
        ] {
            for (a_row, a_col) in [(k, 1), (1, m)] {
                let product = Product {
                    m,
                    n,
                    a_row_stride: a_row,
                    a_columns: Strided {
                        count: k,
                        stride: a_col,
                    },
                    b_row_stride: n + 1,
                    dst_row_stride: n + 2,
                };
                let a: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32 - 3.0).collect();
                let b: Vec<f32> = (0..k * (n + 1)).map(|i| (i % 5) as f32 - 2.0).collect();
                let mut dst = vec![1.0f32; m * (n + 2)];
                product.dispatch(&a, &b, &mut dst, Write::Overwrite);
                product.dispatch(&a, &b, &mut dst, Write::Accumulate);
                for (i, row) in dst.chunks(n + 2).enumerate() {
                    for (j, &got) in row.iter().enumerate() {
                        let terms = (0..k).map(|p| a[i * a_row + p * a_col] * b[p * (n + 1) + j]);
                        let expected = if j < n { 2.0 * terms.sum::<f32>() } else { 1.0 };
                        assert_eq!(got, expected, "{m} {n} {k} at {i} {j}");
                    }
                }
            }
        }
    }
}
