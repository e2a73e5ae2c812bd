//! Four floats in an array, which compilers map to vectors where the target has them.
#![expect(unsafe_code, reason = "the trait's loads and stores take pointers")]

use super::Simd;

const LANES: usize = 4;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(f)
}

impl Simd for Portable {
    type V = [f32; LANES];
    const LANES: usize = LANES;
    const ROW_VECTORS: usize = 2;

    #[inline(always)]
    fn splat(self, v: f32) -> Self::V {
        [v; LANES]
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Not `f32::mul_add`: without the instruction that is a slow library call.
        lanes(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        lanes(|i| a[i].sqrt())
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] / b[i])
    }
    #[inline(always)]
    fn select_gt(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        lanes(|i| if a[i] > b[i] { x[i] } else { y[i] })
    }
    #[inline(always)]
    fn select_eq(self, a: Self::V, b: Self::V, x: Self::V, y: Self::V) -> Self::V {
        lanes(|i| if a[i] == b[i] { x[i] } else { y[i] })
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::V {
        // SAFETY: the caller's contract; an array of floats has their alignment.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: Self::V) {
        // SAFETY: as above.
        unsafe { *to.cast() = v }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> Self::V {
        // SAFETY: the caller's contract.
        let bytes = unsafe { *from.cast::<[u8; LANES]>() };
        bytes.map(f32::from)
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: Self::V) {
        // SAFETY: the caller's contract.
        unsafe { *to.cast::<[u8; LANES]>() = v.map(|v| v as u8) }
    }
    #[inline(always)]
    unsafe fn transpose(
        self,
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        for i in 0..LANES {
            for j in 0..LANES {
                // SAFETY: the caller's contract.
                unsafe { *to.add(i * to_stride + j) = *from.add(j * from_stride + i) };
            }
        }
    }
}
