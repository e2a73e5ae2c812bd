//! Sums of two values per channel over the pixels of an image, row by row: all channels of a row
//! are read before the next row, in the order of memory.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use crate::simd::Simd;

/// Pixels whose sum is computed in f32 before it is added to one in f64.
const PIXELS: usize = 64;

/// Two sums for each channel, in f32 for a few pixels and then in f64.
pub(super) struct PairSums<'a> {
    /// `[2, depth]`, of the pixels since the last addition to `sums`.
    recent: &'a mut [f32],
    pixels: usize,
    /// `[2, depth]`.
    sums: &'a mut [f64],
}

/// The two sums of one vector of channels.
#[derive(Clone, Copy)]
pub(super) struct Pair<S: Simd>([S::f32s; 2]);

impl<'a> PairSums<'a> {
    /// The sums are written to `sums`, `[2, depth]`; `recent` is memory for as many values.
    #[inline(always)]
    pub(super) fn new(recent: &'a mut [f32], sums: &'a mut [f64]) -> Self {
        assert!(recent.len() == sums.len() && sums.len().is_multiple_of(2));
        recent.fill(0.0);
        sums.fill(0.0);
        Self {
            recent,
            pixels: 0,
            sums,
        }
    }

    #[inline(always)]
    fn depth(&self) -> usize {
        self.sums.len() / 2
    }

    /// The recent sums of the channels from `c`, to which a row of pixels is added.
    #[inline(always)]
    pub(super) fn load<S: Simd>(&self, s: S, c: usize) -> Pair<S> {
        let depth = self.depth();
        assert!(c + S::F32_LANES <= depth);
        // SAFETY: asserted; there are 2 · depth values.
        unsafe {
            let from = self.recent.as_ptr().add(c);
            Pair([s.load(from), s.load(from.add(depth))])
        }
    }

    #[inline(always)]
    pub(super) fn store<S: Simd>(&mut self, s: S, c: usize, Pair([first, second]): Pair<S>) {
        let depth = self.depth();
        assert!(c + S::F32_LANES <= depth);
        // SAFETY: asserted; there are 2 · depth values.
        unsafe {
            let to = self.recent.as_mut_ptr().add(c);
            s.store(to, first);
            s.store(to.add(depth), second);
        }
    }

    /// To be called after `pixels` values were added to the sums of all channels.
    #[inline(always)]
    pub(super) fn end_of_row(&mut self, pixels: usize) {
        self.pixels += pixels;
        if self.pixels >= PIXELS {
            self.flush();
        }
    }

    #[inline(always)]
    fn flush(&mut self) {
        for (sum, recent) in self.sums.iter_mut().zip(&mut *self.recent) {
            *sum += f64::from(*recent);
            *recent = 0.0;
        }
        self.pixels = 0;
    }

    /// To be called after the last row.
    #[inline(always)]
    pub(super) fn finish(mut self) {
        self.flush();
    }
}

impl<S: Simd> Pair<S> {
    /// Adds `value` to the first sum, and `value · factor` to the second.
    #[inline(always)]
    pub(super) fn add(&mut self, s: S, value: S::f32s, factor: S::f32s) {
        let [first, second] = self.0;
        self.0 = [s.add_f32s(first, value), s.mul_add(value, factor, second)];
    }
}
