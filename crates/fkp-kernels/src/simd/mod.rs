//! One vector of floats per instruction set, and the choice among them at run time.
#![expect(
    unsafe_code,
    reason = "vector loads and stores take pointers; their instructions need a CPU that has them"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

/// Channels are padded to a multiple of this, which every vector width divides.
pub(crate) const CHANNEL_BLOCK: usize = 16;

/// Arithmetic on vectors of `LANES` floats.
///
/// A value of the type is a proof that the CPU has the instructions: it is only made by
/// [`dispatch`], which asks first. That is why the arithmetic is safe to call.
pub(crate) trait Simd: Copy {
    type V: Copy;
    /// Divides [`CHANNEL_BLOCK`].
    const LANES: usize;
    /// Vectors of one accumulator row that leave enough registers for four rows.
    const ROW_VECTORS: usize;

    fn splat(self, v: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`, rounded once where the instruction set can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `if a > b { x } else { y }` in each lane; comparisons with NaN are false.
    fn select_gt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// `if a == b { x } else { y }` in each lane.
    fn select_eq(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V;
    /// # Safety
    /// `LANES` floats can be read at `from`.
    unsafe fn load(self, from: *const f32) -> Self::V;
    /// # Safety
    /// `LANES` floats can be written at `to`.
    unsafe fn store(self, to: *mut f32, v: Self::V);
    /// Reads bytes as numbers.
    /// # Safety
    /// `LANES` bytes can be read at `from`.
    unsafe fn load_bytes(self, from: *const u8) -> Self::V;
    /// Writes lanes that hold whole numbers from 0 to 127 as bytes.
    /// # Safety
    /// `LANES` bytes can be written at `to`.
    unsafe fn store_bytes(self, to: *mut u8, v: Self::V);
    /// Transposes a square of `LANES × LANES` floats whose lines are the strides apart.
    /// # Safety
    /// All lines can be read at `from` and written at `to`, and these do not overlap.
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize);

    /// `max(a, 0)`, NaN kept.
    #[inline(always)]
    fn relu(self, a: Self::V) -> Self::V {
        let zero = self.splat(0.0);
        self.select_gt(zero, a, zero, a)
    }
}

/// A computation that is compiled once per instruction set.
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, like everything it calls: only then is the code compiled for
    /// the instruction set of `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a kernel with the widest vectors of this CPU.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
            kernel.run(avx512::Avx512::new())
        }
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
            kernel.run(avx2::Avx2::new())
        }
        match InstructionSet::detect() {
            // SAFETY: the CPU was asked for these features.
            InstructionSet::Avx512 => return unsafe { with_avx512(kernel) },
            // SAFETY: as above.
            InstructionSet::Avx2 => return unsafe { with_avx2(kernel) },
            InstructionSet::Portable => {}
        }
    }
    kernel.run(portable::Portable)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstructionSet {
    Portable,
    Avx2,
    Avx512,
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
impl InstructionSet {
    /// The widest set of this CPU, or a narrower one that `FKP_SIMD` (`portable` or `avx2`)
    /// names, so that all of them can be tested on one machine.
    fn detect() -> Self {
        use std::sync::OnceLock;
        static DETECTED: OnceLock<InstructionSet> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match std::env::var("FKP_SIMD").as_deref() {
                Ok("portable") => Self::Portable,
                Ok("avx2") if avx2 => Self::Avx2,
                _ if avx512 => Self::Avx512,
                _ if avx2 => Self::Avx2,
                _ => Self::Portable,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everything;

    impl Kernel for Everything {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let a: Vec<f32> = (0..S::LANES).map(|i| i as f32 - 3.0).collect();
            let mut out = vec![0.0; S::LANES];
            let mut bytes = vec![0u8; S::LANES];
            // SAFETY: all three have LANES elements.
            unsafe {
                let v = s.load(a.as_ptr());
                let positive = s.relu(v);
                s.store_bytes(bytes.as_mut_ptr(), positive);
                let v = s.mul_add(v, s.splat(2.0), s.load_bytes(bytes.as_ptr()));
                let v = s.select_eq(v, s.splat(-2.0), s.splat(100.0), v);
                let v = s.select_gt(v, s.splat(8.0), s.splat(8.0), v);
                let v = s.sub(s.add(v, s.splat(1.0)), s.splat(1.0));
                let v = s.mul(v, s.sqrt(s.splat(0.25)));
                s.store(out.as_mut_ptr(), s.div(v, s.splat(2.0)));
            }
            out
        }
    }

    struct Transpose;

    impl Kernel for Transpose {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let (n, from_stride, to_stride) = (S::LANES, S::LANES + 3, S::LANES + 1);
            let from: Vec<f32> = (0..n * from_stride).map(|i| i as f32).collect();
            let mut to = vec![-1.0; n * to_stride];
            // SAFETY: both have n lines of their stride.
            unsafe { s.transpose(from.as_ptr(), from_stride, to.as_mut_ptr(), to_stride) };
            for (i, line) in to.chunks(to_stride).enumerate() {
                for (j, &v) in line[..n].iter().enumerate() {
                    assert_eq!(v, from[j * from_stride + i]);
                }
                assert_eq!(line[n], -1.0);
            }
        }
    }

    #[test]
    fn squares_are_transposed() {
        Transpose.run(portable::Portable);
        dispatch(Transpose);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU was asked for these features.
            unsafe { Transpose.run(avx2::Avx2::new()) };
        }
    }

    #[test]
    fn all_instruction_sets_agree() {
        let expected: Vec<f32> = (0..16)
            .map(|i| {
                let a = i as f32 - 3.0;
                let v = 2.0 * a + a.max(0.0);
                let v = if v == -2.0 { 100.0 } else { v };
                v.min(8.0) * 0.5 / 2.0
            })
            .collect();
        let portable = Everything.run(portable::Portable);
        assert_eq!(portable, expected[..portable.len()]);
        let widest = dispatch(Everything);
        assert_eq!(widest, expected[..widest.len()]);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU was asked for these features.
            let avx2 = unsafe { Everything.run(avx2::Avx2::new()) };
            assert_eq!(avx2, expected[..avx2.len()]);
        }
    }
}
