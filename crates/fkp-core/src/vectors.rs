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

/// A loop written with AVX2 intrinsics, for cases that the compiler does not vectorize well.
#[cfg(target_arch = "x86_64")]
pub(crate) trait Avx2Kernel {
    /// Runs the loop. Must be inlined like [`Kernel::run`].
    fn run(self, cpu: V3);
}

/// Runs `kernel` if the processor supports AVX2.
///
/// # Errors
/// Returns the kernel if it does not.
#[cfg(target_arch = "x86_64")]
pub(crate) fn run_avx2<K: Avx2Kernel>(kernel: K) -> Result<(), K> {
    match V3::try_new() {
        Some(cpu) => {
            Simd::vectorize(cpu, Avx2(kernel, cpu));
            Ok(())
        }
        None => Err(kernel),
    }
}

#[cfg(target_arch = "x86_64")]
struct Avx2<K>(K, V3);

#[cfg(target_arch = "x86_64")]
impl<K: Avx2Kernel> WithSimd for Avx2<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let _ = simd;
        self.0.run(self.1);
    }
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
