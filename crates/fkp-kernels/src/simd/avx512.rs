//! Sixteen floats: AVX-512.
#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::*;

use super::Simd;

#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    #[inline]
    pub(crate) fn new() -> Self {
        Self(())
    }
}

// SAFETY of every block below: `new` can only be called where the CPU has the features, so they
// are there; pointers are valid by the contract of the trait.
#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one comment for all, above"
)]
impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const ROW_VECTORS: usize = 4;

    #[inline(always)]
    fn splat(self, v: f32) -> __m512 {
        unsafe { _mm512_set1_ps(v) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn select_gt(self, a: __m512, b: __m512, x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), y, x) }
    }
    #[inline(always)]
    fn select_eq(self, a: __m512, b: __m512, x: __m512, y: __m512) -> __m512 {
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), y, x) }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: __m512) {
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v))) }
    }
    #[inline(always)]
    unsafe fn transpose(
        self,
        from: *const f32,
        from_stride: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        unsafe {
            let mut r = [_mm512_setzero_ps(); 16];
            for (i, r) in r.iter_mut().enumerate() {
                *r = _mm512_loadu_ps(from.add(i * from_stride));
            }
            // Within 128 bits: columns j, j + 4, j + 8, j + 12 of four rows each.
            let mut fours = [_mm512_setzero_pd(); 16];
            for i in (0..16).step_by(4) {
                let low_a = _mm512_castps_pd(_mm512_unpacklo_ps(r[i], r[i + 1]));
                let high_a = _mm512_castps_pd(_mm512_unpackhi_ps(r[i], r[i + 1]));
                let low_b = _mm512_castps_pd(_mm512_unpacklo_ps(r[i + 2], r[i + 3]));
                let high_b = _mm512_castps_pd(_mm512_unpackhi_ps(r[i + 2], r[i + 3]));
                fours[i] = _mm512_unpacklo_pd(low_a, low_b);
                fours[i + 1] = _mm512_unpackhi_pd(low_a, low_b);
                fours[i + 2] = _mm512_unpacklo_pd(high_a, high_b);
                fours[i + 3] = _mm512_unpackhi_pd(high_a, high_b);
            }
            for j in 0..4 {
                let quarter = |i: usize| _mm512_castpd_ps(fours[4 * i + j]);
                let even_a = _mm512_shuffle_f32x4::<0x88>(quarter(0), quarter(1));
                let odd_a = _mm512_shuffle_f32x4::<0xdd>(quarter(0), quarter(1));
                let even_b = _mm512_shuffle_f32x4::<0x88>(quarter(2), quarter(3));
                let odd_b = _mm512_shuffle_f32x4::<0xdd>(quarter(2), quarter(3));
                let to = to.add(j * to_stride);
                _mm512_storeu_ps(to, _mm512_shuffle_f32x4::<0x88>(even_a, even_b));
                let to = to.add(4 * to_stride);
                _mm512_storeu_ps(to, _mm512_shuffle_f32x4::<0x88>(odd_a, odd_b));
                let to = to.add(4 * to_stride);
                _mm512_storeu_ps(to, _mm512_shuffle_f32x4::<0xdd>(even_a, even_b));
                let to = to.add(4 * to_stride);
                _mm512_storeu_ps(to, _mm512_shuffle_f32x4::<0xdd>(odd_a, odd_b));
            }
        }
    }
}
