//! Running a loop as compiled for the processor at hand.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;
use pulp::{Arch, Simd, WithSimd};

/// A loop over plain arrays, with everything it works on. `run` and all it calls must be
/// `#[inline(always)]`: what is inlined is compiled for the newest instructions there are, what is
/// only called is compiled for the oldest. A closure would not do, because it is called through a
/// shim that is never inlined.
pub trait Kernel {
    /// Does the work.
    fn run(self);
}

/// Runs `kernel` with AVX2 where the processor has it, with what else there is on other
/// processors. The results are the same to the bit: the loops contain no operation that is rounded
/// differently when it is vectorized. AVX-512 is not used: the loops that fetch pixels become
/// slower with it.
pub fn run(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = V3::try_new() {
        return Simd::vectorize(cpu, Vectors(kernel));
    }
    Arch::new().dispatch(Vectors(kernel));
}

/// A loop written in AVX2, for where the compiler does not find the right instructions.
#[cfg(target_arch = "x86_64")]
pub(crate) trait Avx2Kernel {
    /// Does the work. To be inlined like [`Kernel::run`].
    fn run(self, cpu: V3);
}

/// Runs `kernel` where the processor has AVX2.
///
/// # Errors
/// Gives it back where it has not.
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
