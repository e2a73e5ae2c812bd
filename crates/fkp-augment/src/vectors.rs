//! Running a loop as compiled for the processor at hand.

use crate::raster::Channel;
use pulp::{Arch, Simd, WithSimd};

/// A loop over plain arrays, with everything it works on. `run` and all it calls must be
/// `#[inline(always)]`: what is inlined is compiled for the newest instructions there are, what is
/// only called is compiled for the oldest. A closure would not do, because it is called through a
/// shim that is never inlined.
pub(crate) trait Kernel {
    /// Does the work.
    fn run(self);
}

/// Runs `kernel` with AVX2 where the processor has it, else as usual. The results are the same to
/// the bit: the loops contain no operation that is rounded differently when it is vectorised.
pub(crate) fn run(kernel: impl Kernel) {
    Arch::new().dispatch(Vectors(kernel));
}

struct Vectors<K>(K);

impl<K: Kernel> WithSimd for Vectors<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let _ = simd;
        self.0.run();
    }
}

/// `dst += weight · src`, number by number, as far as both go.
pub(crate) fn add_scaled<T: Channel>(dst: &mut [f32], src: &[T], weight: f32) {
    run(AddScaled { dst, src, weight });
}

struct AddScaled<'a, T> {
    dst: &'a mut [f32],
    src: &'a [T],
    weight: f32,
}

impl<T: Channel> Kernel for AddScaled<'_, T> {
    #[inline(always)]
    fn run(self) {
        for (dst, src) in self.dst.iter_mut().zip(self.src) {
            *dst += self.weight * src.to_f32();
        }
    }
}
