//! Small matrix products on operands that already lie as the vectors want them.
#![expect(unsafe_code, reason = "vector loads in the innermost loop")]

use crate::matmul::Write;
use crate::simd::Simd;

/// `dst = a · b` or `dst += a · b` with `dst` of `m × n`, `n` a multiple of the vector length.
///
/// Element `(i, p)` of `a` is at `i · a_row + p · a_col`, row `p` of `b` at `p · b_row` and row
/// `i` of `dst` at `i · dst_row`. Each element's products are added in the order of `p`.
#[derive(Clone, Copy)]
pub(crate) struct Product {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a_row: usize,
    pub(crate) a_col: usize,
    pub(crate) b_row: usize,
    pub(crate) dst_row: usize,
}

impl Product {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, a: &[f32], b: &[f32], dst: &mut [f32], write: Write) {
        let Self { m, n, k, .. } = self;
        if m == 0 || n == 0 {
            return;
        }
        assert!(
            n.is_multiple_of(S::F32_LANES),
            "columns come in whole vectors"
        );
        assert!((m - 1) * self.dst_row + n <= dst.len(), "dst is too short");
        if k > 0 {
            assert!(
                (m - 1) * self.a_row + (k - 1) * self.a_col < a.len(),
                "a is too short"
            );
            assert!((k - 1) * self.b_row + n <= b.len(), "b is too short");
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
        // The operands of a product without terms are empty: these two point outside of them then,
        // and are never read.
        let b = b.wrapping_add(column);
        let row_of_a = |row: usize| a.wrapping_add(row * self.a_row);
        let mut row = 0;
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            while row + MR <= self.m {
                let dst = dst.add(row * self.dst_row + column);
                self.tile::<S, MR, NV>(s, row_of_a(row), b, dst, write);
                row += MR;
            }
            while row < self.m {
                let dst = dst.add(row * self.dst_row + column);
                self.tile::<S, 1, NV>(s, row_of_a(row), b, dst, write);
                row += 1;
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
            let mut sums = [[s.splat_f32s(0.0); NV]; MR];
            if write == Write::Accumulate {
                for (i, row) in sums.iter_mut().enumerate() {
                    for (j, sum) in row.iter_mut().enumerate() {
                        *sum = s.load(dst.add(i * self.dst_row + j * S::F32_LANES));
                    }
                }
            }
            for p in 0..self.k {
                let b = b.add(p * self.b_row);
                let mut columns = [s.splat_f32s(0.0); NV];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = s.load(b.add(j * S::F32_LANES));
                }
                let a = a.add(p * self.a_col);
                for (i, row) in sums.iter_mut().enumerate() {
                    let factor = s.splat_f32s(*a.add(i * self.a_row));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = s.mul_add(factor, column, *sum);
                    }
                }
            }
            for (i, row) in sums.iter().enumerate() {
                for (j, &sum) in row.iter().enumerate() {
                    s.store(dst.add(i * self.dst_row + j * S::F32_LANES), sum);
                }
            }
        }
    }
}

/// `dst = a · b` where column `p` of `a` starts at `taps[p]` instead of a regular distance: the
/// windows of an image, read where they overlap. `b` is `[taps, n]`, `dst` `[m, n]`.
#[derive(Clone, Copy)]
pub(crate) struct TapProduct<'a> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) a_row: usize,
    pub(crate) taps: &'a [usize],
}

impl TapProduct<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, a: &[f32], b: &[f32], dst: &mut [f32]) {
        let Self { m, n, a_row, taps } = self;
        let furthest = taps.iter().copied().max().unwrap_or(0);
        assert!(
            m > 0 && (m - 1) * a_row + furthest < a.len(),
            "a is too short"
        );
        assert!(
            n.is_multiple_of(S::F32_LANES),
            "columns come in whole vectors"
        );
        assert!(taps.len() * n <= b.len() && m * n <= dst.len());
        let mut column = 0;
        while column < n {
            // SAFETY: the assertions above cover rows 0..m and columns 0..n.
            unsafe {
                if S::ROW_VECTORS >= 4 && column + 2 * S::F32_LANES <= n {
                    self.columns::<S, 8, 2>(s, a, b, dst, column);
                    column += 2 * S::F32_LANES;
                } else {
                    self.columns::<S, 8, 1>(s, a, b, dst, column);
                    column += S::F32_LANES;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn columns<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        a: &[f32],
        b: &[f32],
        dst: &mut [f32],
        column: usize,
    ) {
        let (a, b, dst) = (a.as_ptr(), b.as_ptr(), dst.as_mut_ptr());
        let mut row = 0;
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            let (b, dst) = (b.add(column), dst.add(column));
            while row + MR <= self.m {
                self.tile::<S, MR, NV>(s, a.add(row * self.a_row), b, dst.add(row * self.n));
                row += MR;
            }
            while row < self.m {
                self.tile::<S, 1, NV>(s, a.add(row * self.a_row), b, dst.add(row * self.n));
                row += 1;
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        a: *const f32,
        b: *const f32,
        dst: *mut f32,
    ) {
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            let mut sums = [[s.splat_f32s(0.0); NV]; MR];
            for (p, &tap) in self.taps.iter().enumerate() {
                let b = b.add(p * self.n);
                let mut columns = [s.splat_f32s(0.0); NV];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = s.load(b.add(j * S::F32_LANES));
                }
                let a = a.add(tap);
                for (i, row) in sums.iter_mut().enumerate() {
                    let factor = s.splat_f32s(*a.add(i * self.a_row));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = s.mul_add(factor, column, *sum);
                    }
                }
            }
            for (i, row) in sums.iter().enumerate() {
                for (j, &sum) in row.iter().enumerate() {
                    s.store(dst.add(i * self.n + j * S::F32_LANES), sum);
                }
            }
        }
    }
}

/// The adjoint of [`TapProduct`] with respect to `b`: row `p` of `dst`, `[taps, n]`, grows by the
/// sum over `i` of `a[taps[p] + i · a_step] · b[i]`, with `b` of `[k, n]`.
#[derive(Clone, Copy)]
pub(crate) struct TapSums<'a> {
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) a_step: usize,
    pub(crate) taps: &'a [usize],
}

impl TapSums<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, a: &[f32], b: &[f32], dst: &mut [f32]) {
        let Self { k, n, a_step, taps } = self;
        let furthest = taps.iter().copied().max().unwrap_or(0);
        assert!(
            k > 0 && (k - 1) * a_step + furthest < a.len(),
            "a is too short"
        );
        assert!(
            n.is_multiple_of(S::F32_LANES),
            "columns come in whole vectors"
        );
        assert!(k * n <= b.len() && taps.len() * n <= dst.len());
        let (a, b, dst) = (a.as_ptr(), b.as_ptr(), dst.as_mut_ptr());
        let mut column = 0;
        while column < n {
            let wide = S::ROW_VECTORS >= 4 && column + 2 * S::F32_LANES <= n;
            let mut tap = 0;
            while tap < taps.len() {
                // SAFETY: the assertions above cover taps 0..len and columns 0..n.
                unsafe {
                    let (b, dst) = (b.add(column), dst.add(tap * n + column));
                    let rest = &taps[tap..];
                    tap += match (wide, rest.len()) {
                        (true, 9..) => self.tile::<S, 9, 2>(s, a, rest, b, dst),
                        (true, 3..) => self.tile::<S, 3, 2>(s, a, rest, b, dst),
                        (true, _) => self.tile::<S, 1, 2>(s, a, rest, b, dst),
                        (false, 9..) => self.tile::<S, 9, 1>(s, a, rest, b, dst),
                        (false, _) => self.tile::<S, 1, 1>(s, a, rest, b, dst),
                    };
                }
            }
            column += if wide { 2 * S::F32_LANES } else { S::F32_LANES };
        }
    }

    /// `MR` taps of `NV` vectors, held in registers; returns `MR`.
    #[inline(always)]
    unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
        self,
        s: S,
        a: *const f32,
        taps: &[usize],
        b: *const f32,
        dst: *mut f32,
    ) -> usize {
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            let mut from = [a; MR];
            let mut sums = [[s.splat_f32s(0.0); NV]; MR];
            for (i, row) in sums.iter_mut().enumerate() {
                from[i] = a.add(taps[i]);
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = s.load(dst.add(i * self.n + j * S::F32_LANES));
                }
            }
            for p in 0..self.k {
                let b = b.add(p * self.n);
                let mut columns = [s.splat_f32s(0.0); NV];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = s.load(b.add(j * S::F32_LANES));
                }
                for (i, row) in sums.iter_mut().enumerate() {
                    let factor = s.splat_f32s(*from[i].add(p * self.a_step));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = s.mul_add(factor, column, *sum);
                    }
                }
            }
            for (i, row) in sums.iter().enumerate() {
                for (j, &sum) in row.iter().enumerate() {
                    s.store(dst.add(i * self.n + j * S::F32_LANES), sum);
                }
            }
        }
        MR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, dispatch};

    struct Run<'a>(Product, &'a [f32], &'a [f32], &'a mut [f32], Write);

    impl Kernel for Run<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            self.0.run(s, self.1, self.2, self.3, self.4);
        }
    }

    #[test]
    fn equals_the_plain_sum_for_every_tail() {
        for (m, n, k) in [(1, 16, 1), (5, 48, 3), (9, 112, 2), (13, 64, 5), (3, 32, 0)] {
            for (a_row, a_col) in [(k, 1), (1, m)] {
                let product = Product {
                    m,
                    n,
                    k,
                    a_row,
                    a_col,
                    b_row: n + 1,
                    dst_row: n + 2,
                };
                let a: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32 - 3.0).collect();
                let b: Vec<f32> = (0..k * (n + 1)).map(|i| (i % 5) as f32 - 2.0).collect();
                let mut dst = vec![1.0f32; m * (n + 2)];
                dispatch(Run(product, &a, &b, &mut dst, Write::Overwrite));
                dispatch(Run(product, &a, &b, &mut dst, Write::Accumulate));
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
