//! Sums of two values per channel over many pixels.

use crate::simd::{CHANNEL_BLOCK, Simd};

/// Pixels whose sum is computed in f32 before it is added to one in f64.
const PIXELS: usize = 64;

/// Two sums for each lane, in f32 for a few pixels and then in f64.
pub(super) struct PairSums<S: Simd> {
    vectors: [S::f32s; 2],
    pending: usize,
    lanes: [[f64; CHANNEL_BLOCK]; 2],
}

impl<S: Simd> PairSums<S> {
    #[inline(always)]
    pub(super) fn new(s: S) -> Self {
        Self {
            vectors: [s.splat_f32s(0.0); 2],
            pending: 0,
            lanes: [[0.0; CHANNEL_BLOCK]; 2],
        }
    }

    /// Adds `value` to the first sum, and `value · factor` to the second.
    #[inline(always)]
    pub(super) fn add(&mut self, s: S, value: S::f32s, factor: S::f32s) {
        self.vectors[0] = s.add_f32s(self.vectors[0], value);
        self.vectors[1] = s.mul_add(value, factor, self.vectors[1]);
    }

    /// To be called after a row of `pixels` calls of [`Self::add`].
    #[inline(always)]
    pub(super) fn end_of_row(&mut self, s: S, pixels: usize) {
        self.pending += pixels;
        if self.pending >= PIXELS {
            self.flush(s);
        }
    }

    #[inline(always)]
    fn flush(&mut self, s: S) {
        for (lanes, vector) in self.lanes.iter_mut().zip(&mut self.vectors) {
            let values = s.to_lanes(*vector);
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane += f64::from(value);
            }
            *vector = s.splat_f32s(0.0);
        }
        self.pending = 0;
    }

    /// Both sums, of which the first lanes are those of the vector.
    #[inline(always)]
    pub(super) fn finish(mut self, s: S) -> [[f64; CHANNEL_BLOCK]; 2] {
        self.flush(s);
        self.lanes
    }
}
