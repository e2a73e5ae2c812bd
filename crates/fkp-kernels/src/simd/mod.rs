//! Vectors of floats by `pulp`, and the choice of the instruction set at run time.
#![expect(
    unsafe_code,
    reason = "the operands of the kernels overlap in strides that slices cannot express"
)]

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86;

use pulp::{NullaryFnOnce, Scalar128b};

/// Channels are padded to a multiple of this, which is a multiple of every vector length.
pub(crate) const CHANNEL_BLOCK: usize = 16;

/// What the kernels need in addition to [`pulp::Simd`]: loads and stores by pointer, of floats and
/// bytes, and the transpose of a square block.
pub(crate) trait Simd: pulp::Simd {
    /// Vectors of one accumulator row that leave enough registers for four rows.
    const ROW_VECTORS: usize = if Self::REGISTER_COUNT < 32 { 2 } else { 4 };

    /// `a · b + c`, rounded once where the instruction set has a fused multiply-add.
    #[inline(always)]
    fn mul_add(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.mul_add_e_f32s(a, b, c)
    }

    /// `factor · v`.
    #[inline(always)]
    fn scale(self, factor: f32, v: Self::f32s) -> Self::f32s {
        self.mul_f32s(self.splat_f32s(factor), v)
    }

    /// `sum + factor · v`, rounded as by [`Simd::mul_add`].
    #[inline(always)]
    fn add_scaled(self, sum: Self::f32s, factor: f32, v: Self::f32s) -> Self::f32s {
        self.mul_add(self.splat_f32s(factor), v, sum)
    }

    /// The lanes, followed by zeros.
    #[inline(always)]
    fn to_lanes(self, v: Self::f32s) -> [f32; CHANNEL_BLOCK] {
        const { assert!(Self::F32_LANES <= CHANNEL_BLOCK) };
        let mut lanes = [0.0; CHANNEL_BLOCK];
        // SAFETY: asserted above.
        unsafe { self.store(lanes.as_mut_ptr(), v) };
        lanes
    }

    /// `f` of each lane.
    #[inline(always)]
    fn map_lanes(self, v: Self::f32s, f: impl Fn(f32) -> f32) -> Self::f32s {
        let lanes = self.to_lanes(v).map(f);
        // SAFETY: no vector has more lanes than `lanes`.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// `max(a, 0)`, NaN kept.
    #[inline(always)]
    fn relu(self, a: Self::f32s) -> Self::f32s {
        let zero = self.splat_f32s(0.0);
        self.select_f32s(self.greater_than_f32s(zero, a), zero, a)
    }

    /// # Safety
    /// `F32_LANES` floats can be read at `from`.
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::f32s {
        // SAFETY: the caller's contract; any bits are floats.
        unsafe { from.cast::<Self::f32s>().read_unaligned() }
    }

    /// # Safety
    /// `F32_LANES` floats can be written at `to`.
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: Self::f32s) {
        // SAFETY: the caller's contract.
        unsafe { to.cast::<Self::f32s>().write_unaligned(v) }
    }

    /// Reads bytes as floats.
    /// # Safety
    /// `F32_LANES` bytes can be read at `from`.
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> Self::f32s {
        let mut lanes = [0.0; CHANNEL_BLOCK];
        for (i, lane) in lanes[..Self::F32_LANES].iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *lane = f32::from(unsafe { *from.add(i) });
        }
        // SAFETY: no vector has more lanes than `lanes`.
        unsafe { self.load(lanes.as_ptr()) }
    }

    /// Writes lanes that hold whole numbers from 0 to 127 as bytes.
    /// # Safety
    /// `F32_LANES` bytes can be written at `to`.
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: Self::f32s) {
        for (i, lane) in self.to_lanes(v)[..Self::F32_LANES].iter().enumerate() {
            // SAFETY: the caller's contract; the values fit.
            unsafe { *to.add(i) = lane.to_int_unchecked::<i32>() as u8 };
        }
    }

    /// Transposes a block of `F32_LANES × F32_LANES` floats; the strides are those between lines.
    /// # Safety
    /// All lines can be read at `from` and written at `to`, and these do not overlap.
    #[inline(always)]
    unsafe fn transpose(
        self,
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        for i in 0..Self::F32_LANES {
            for j in 0..Self::F32_LANES {
                // SAFETY: the caller's contract.
                unsafe { *to.add(i * to_stride + j) = *from.add(j * from_stride + i) };
            }
        }
    }
}

/// Four floats in an array, which the compiler maps to vectors where the target has them.
impl Simd for Scalar128b {
    /// Rounded twice: without the instruction, a fused multiply-add is a slow library call.
    #[inline(always)]
    fn mul_add(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        use pulp::Simd;
        self.add_f32s(self.mul_f32s(a, b), c)
    }
}

/// A computation that is compiled once per instruction set.
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, like every function it calls: only then is the code compiled
    /// for the instruction set of `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a kernel with the widest vectors of this CPU.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    /// A kernel for `vectorize`, which compiles it for the instruction set.
    struct With<K, S>(K, S);
    impl<K: Kernel, S: Simd> NullaryFnOnce for With<K, S> {
        type Output = K::Output;
        #[inline(always)]
        fn call(self) -> K::Output {
            self.0.run(self.1)
        }
    }
    match InstructionSet::detect() {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        InstructionSet::Avx512(simd) => simd.vectorize(With(kernel, simd)),
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        InstructionSet::Avx2(simd) => simd.vectorize(With(kernel, simd)),
        InstructionSet::Portable(simd) => With(kernel, simd).call(),
    }
}

/// A value of one of these types proves that the CPU has the instructions.
#[derive(Clone, Copy, Debug)]
enum InstructionSet {
    Portable(Scalar128b),
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx2(pulp::x86::V3),
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    Avx512(pulp::x86::V4),
}

impl InstructionSet {
    /// The widest set of this CPU, or the narrower one in the environment variable `FKP_SIMD`
    /// (`portable` or `avx2`), so that all of them can be tested on one machine.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn detect() -> Self {
        use pulp::x86::{V3, V4};
        use std::sync::OnceLock;
        static DETECTED: OnceLock<InstructionSet> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let requested = std::env::var("FKP_SIMD").unwrap_or_default();
            match (requested.as_str(), V3::try_new(), V4::try_new()) {
                ("portable", ..) | (_, None, None) => Self::Portable(Scalar128b),
                ("avx2", Some(simd), _) | (_, Some(simd), None) => Self::Avx2(simd),
                (_, _, Some(simd)) => Self::Avx512(simd),
            }
        })
    }

    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    fn detect() -> Self {
        Self::Portable(Scalar128b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct AllOperations;

    impl Kernel for AllOperations {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let a: Vec<f32> = (0..S::F32_LANES).map(|i| i as f32 - 3.0).collect();
            let mut out = vec![0.0; S::F32_LANES];
            let mut bytes = vec![0u8; S::F32_LANES];
            // SAFETY: all three have LANES elements.
            unsafe {
                let v = s.load(a.as_ptr());
                let positive = s.relu(v);
                s.store_bytes(bytes.as_mut_ptr(), positive);
                let v = s.mul_add(v, s.splat_f32s(2.0), s.load_bytes(bytes.as_ptr()));
                let v = s.select_f32s(s.equal_f32s(v, s.splat_f32s(-2.0)), s.splat_f32s(100.0), v);
                let v = s.select_f32s(
                    s.greater_than_f32s(v, s.splat_f32s(8.0)),
                    s.splat_f32s(8.0),
                    v,
                );
                let v = s.sub_f32s(s.add_f32s(v, s.splat_f32s(1.0)), s.splat_f32s(1.0));
                let v = s.mul_f32s(v, s.sqrt_f32s(s.splat_f32s(0.25)));
                s.store(out.as_mut_ptr(), s.div_f32s(v, s.splat_f32s(2.0)));
            }
            out
        }
    }

    struct Transpose;

    impl Kernel for Transpose {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let (n, from_stride, to_stride) = (S::F32_LANES, S::F32_LANES + 3, S::F32_LANES + 1);
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

    struct Relu(f32);

    impl Kernel for Relu {
        type Output = [f32; CHANNEL_BLOCK];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> [f32; CHANNEL_BLOCK] {
            s.to_lanes(s.relu(s.splat_f32s(self.0)))
        }
    }

    #[test]
    fn relu_keeps_nan() {
        let check = |relu: &dyn Fn(f32) -> f32| {
            assert!(relu(f32::NAN).is_nan());
            assert_eq!([relu(-1.0), relu(2.0)], [0.0, 2.0]);
        };
        check(&|v| Relu(v).run(Scalar128b)[0]);
        check(&|v| dispatch(Relu(v))[0]);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if let Some(simd) = pulp::x86::V3::try_new() {
            check(&|v| Relu(v).run(simd)[0]);
        }
    }

    #[test]
    fn square_blocks_are_transposed() {
        Transpose.run(Scalar128b);
        dispatch(Transpose);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if let Some(simd) = pulp::x86::V3::try_new() {
            Transpose.run(simd);
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
        let portable = AllOperations.run(Scalar128b);
        assert_eq!(portable, expected[..portable.len()]);
        let widest = dispatch(AllOperations);
        assert_eq!(widest, expected[..widest.len()]);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if let Some(simd) = pulp::x86::V3::try_new() {
            let avx2 = AllOperations.run(simd);
            assert_eq!(avx2, expected[..avx2.len()]);
        }
    }
}
