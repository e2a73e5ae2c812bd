//! Conversion of bytes and the transpose of a block with x86 instructions that `pulp` does not
//! offer.
#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::*;

use pulp::x86::{V3, V4};
use pulp::{f32x8, f32x16};

use super::Simd;

// SAFETY of every block below: values of these types exist only where the CPU has the features;
// pointers are valid by the contract of the trait.
#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one comment for all, above"
)]
impl Simd for V3 {
    /// The instruction returns its second operand if one of the two is NaN.
    #[inline(always)]
    fn relu(self, a: f32x8) -> f32x8 {
        pulp::cast(unsafe { _mm256_max_ps(_mm256_setzero_ps(), pulp::cast(a)) })
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> f32x8 {
        let numbers =
            unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) };
        pulp::cast(numbers)
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: f32x8) {
        unsafe {
            let wide = _mm256_cvtps_epi32(pulp::cast(v));
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

#[expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one comment for all, above"
)]
impl Simd for V4 {
    /// As for [`V3`].
    #[inline(always)]
    fn relu(self, a: f32x16) -> f32x16 {
        pulp::cast(unsafe { _mm512_max_ps(_mm512_setzero_ps(), pulp::cast(a)) })
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8) -> f32x16 {
        let numbers =
            unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) };
        pulp::cast(numbers)
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, v: f32x16) {
        unsafe {
            let wide = _mm512_cvtps_epi32(pulp::cast(v));
            _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(wide));
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
