//! Loops compiled for several instruction sets, chosen at run time.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;
use pulp::{Arch, Simd, WithSimd};

/// A loop over plain arrays, with the data it works on. `run` and the functions that it calls must
/// be `#[inline(always)]`: only inlined code is compiled for the newer instruction set. A closure
/// does not work, because it is called through a shim that is never inlined.
pub trait Kernel {
    /// Runs the loop.
    fn run(self);
}

/// Runs `kernel` with AVX2 if the processor supports it, otherwise with the best instruction set
/// that it supports. The results are bit-identical: the loops do not contain operations that are
/// rounded differently when they are vectorized. AVX-512 is not used, because loops that gather
/// pixels are slower with it.
pub fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = V3::try_new() {
        return Simd::vectorize(cpu, Vectors(kernel));
    }
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
