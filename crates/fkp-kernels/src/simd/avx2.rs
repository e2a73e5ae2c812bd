//! Eight floats: AVX2 with fused multiply-add.
#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::*;

use super::Simd;

#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    #[target_feature(enable = "avx2,fma")]
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
impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const ROW_VECTORS: usize = 2;

    #[inline(always)]
    fn splat(self, v: f32) -> __m256 {
        unsafe { _mm256_set1_ps(v) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn select_gt(self, a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 {
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)) }
    }
    #[inline(always)]
    fn select_eq(self, a: __m256, b: __m256, x: __m256, y: __m256) -> __m256 {
        unsafe { _mm256_blendv_ps(y, x, _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b)) }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: __m256) {
        unsafe { _mm256_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> __m256 {
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: __m256) {
        unsafe {
            let wide = _mm256_cvtps_epi32(v);
            let (low, high) = (
                _mm256_castsi256_si128(wide),
                _mm256_extracti128_si256::<1>(wide),
            );
            let words = _mm_packs_epi32(low, high);
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
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
            let mut r = [_mm256_setzero_ps(); 8];
            for (i, r) in r.iter_mut().enumerate() {
                *r = _mm256_loadu_ps(from.add(i * from_stride));
            }
            // Within 128 bits: columns j and j + 4 of four rows each.
            let mut fours = [_mm256_setzero_pd(); 8];
            for i in (0..8).step_by(4) {
                let low_a = _mm256_castps_pd(_mm256_unpacklo_ps(r[i], r[i + 1]));
                let high_a = _mm256_castps_pd(_mm256_unpackhi_ps(r[i], r[i + 1]));
                let low_b = _mm256_castps_pd(_mm256_unpacklo_ps(r[i + 2], r[i + 3]));
                let high_b = _mm256_castps_pd(_mm256_unpackhi_ps(r[i + 2], r[i + 3]));
                fours[i] = _mm256_unpacklo_pd(low_a, low_b);
                fours[i + 1] = _mm256_unpackhi_pd(low_a, low_b);
                fours[i + 2] = _mm256_unpacklo_pd(high_a, high_b);
                fours[i + 3] = _mm256_unpackhi_pd(high_a, high_b);
            }
            for j in 0..4 {
                let (a, b) = (_mm256_castpd_ps(fours[j]), _mm256_castpd_ps(fours[4 + j]));
                let to = to.add(j * to_stride);
                _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(a, b));
                _mm256_storeu_ps(to.add(4 * to_stride), _mm256_permute2f128_ps::<0x31>(a, b));
            }
        }
    }
}
