//! The gradient of the taps of a convolution kernel, from the overlapping windows of an image,
//! without a matrix of the windows (im2col).
#![expect(unsafe_code, reason = "vector loads in the innermost loop")]

use super::tile;
use crate::simd::Simd;

/// The gradient of a [`Product`](super::Product) over taps with respect to `b`: adds to row `p` of
/// `dst`, `[taps, n]`, the sum over `i` of `a[taps[p] + i · a_row_stride] · dy[i]`, with `dy` of
/// `[m, n]`.
#[derive(Clone, Copy)]
pub(crate) struct TapGradient<'a> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) a_row_stride: usize,
    pub(crate) taps: &'a [usize],
}

impl TapGradient<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(self, s: S, a: &[f32], dy: &[f32], dst: &mut [f32]) {
        let Self { m, n, taps, .. } = self;
        let last = taps.iter().copied().max().unwrap_or(0);
        assert!(
            m > 0 && (m - 1) * self.a_row_stride + last < a.len(),
            "a is too short"
        );
        assert!(
            n.is_multiple_of(S::F32_LANES),
            "n must be a multiple of the vector length"
        );
        assert!(m * n <= dy.len() && taps.len() * n <= dst.len());
        let (a, dy, dst) = (a.as_ptr(), dy.as_ptr(), dst.as_mut_ptr());
        let mut column = 0;
        while column < n {
            let wide = S::ROW_VECTORS >= 4 && column + 2 * S::F32_LANES <= n;
            let mut tap = 0;
            while tap < taps.len() {
                // SAFETY: the assertions above cover taps 0..len and columns 0..n.
                unsafe {
                    let (dy, dst) = (dy.add(column), dst.add(tap * n + column));
                    let rest = &taps[tap..];
                    tap += match (wide, rest.len()) {
                        (true, 9..) => self.tile::<S, 9, 2>(s, a, rest, dy, dst),
                        (true, 3..) => self.tile::<S, 3, 2>(s, a, rest, dy, dst),
                        (true, _) => self.tile::<S, 1, 2>(s, a, rest, dy, dst),
                        (false, 9..) => self.tile::<S, 9, 1>(s, a, rest, dy, dst),
                        (false, _) => self.tile::<S, 1, 1>(s, a, rest, dy, dst),
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
        dy: *const f32,
        dst: *mut f32,
    ) -> usize {
        // SAFETY: the caller's assertions, see `run`.
        unsafe {
            let mut from = [a; MR];
            for (i, from) in from.iter_mut().enumerate() {
                *from = a.add(taps[i]);
            }
            let mut sums = tile::load::<S, MR, NV>(s, dst, self.n);
            for p in 0..self.m {
                let mut rows = from;
                for row in &mut rows {
                    *row = row.add(p * self.a_row_stride);
                }
                tile::add_outer_product(s, &mut sums, rows, dy.add(p * self.n));
            }
            tile::store(s, &sums, dst, self.n);
        }
        MR
    }
}
