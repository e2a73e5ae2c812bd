//! The samples of `bytes`, written with AVX2 intrinsics.
//!
//! Loading four neighbors for every pixel takes most of the time. For color images, two neighbors
//! in a row are loaded as one word of eight bytes and separated in the register.

use super::bytes::{Grid, Portable, Rows, Samples, UNITS};
use super::coords::{BLOCK, Coords};
use crate::vectors::Kernel;
use pulp::cast;
use pulp::x86::V3;
use std::arch::x86_64::{__m128i, __m256i};

/// Rows on a processor with AVX2.
pub(super) struct Avx2Rows<'a, const C: usize> {
    pub(super) rows: Rows<'a, C>,
    pub(super) cpu: V3,
}

impl<const C: usize> Kernel for Avx2Rows<'_, C> {
    #[inline(always)]
    fn run(self) {
        let Self { rows, cpu } = self;
        match C {
            1 => rows.run_with(Gray { cpu }),
            _ => rows.run_with(Color::<C>::new(cpu)),
        }
    }
}

/// Number of bytes that are loaded at once.
const WORD: usize = 8;

/// A byte index for which `vpshufb` returns zero.
const NONE: u8 = 0x80;

/// Pixels of two to four channels.
struct Color<const C: usize> {
    cpu: V3,
    /// Shuffle to the left and the right byte of each channel, first of the upper row, then of the
    /// lower.
    neighbors: __m256i,
    /// Shuffle that packs four pixels of four bytes each.
    packed: __m256i,
}

impl<const C: usize> Samples<C> for Color<C> {
    #[inline(always)]
    fn block(&self, grid: &Grid<'_>, at: &Coords, row: &mut [u8]) {
        let avx2 = self.cpu.avx2;
        let end = grid.data.len() as i32 - (grid.below + WORD) as i32;
        let (taps, within) = Taps::new::<C>(self.cpu, grid, at, end);
        if !within {
            // At the end of the image, where a word would extend beyond it.
            return Samples::<C>::block(&Portable, grid, at, row);
        }
        let mut rest = row;
        for first in (0..BLOCK).step_by(8) {
            let early = self.pixels::<0>(grid, &taps, first);
            let late = self.pixels::<2>(grid, &taps, first);
            let bytes = avx2._mm256_packus_epi16(early, late);
            let bytes = avx2._mm256_shuffle_epi8(bytes, self.packed);
            let [low, high]: [[u8; 16]; 2] = cast(bytes);
            if let Some(target) = rest.first_chunk_mut::<32>() {
                // The excess bytes are overwritten by the next pixels.
                target[..16].copy_from_slice(&low);
                target[4 * C..4 * C + 16].copy_from_slice(&high);
                rest = &mut rest[8 * C..];
                continue;
            }
            let mut last = [0; 32];
            last[..16].copy_from_slice(&low);
            last[4 * C..4 * C + 16].copy_from_slice(&high);
            let len = rest.len().min(8 * C);
            rest[..len].copy_from_slice(&last[..len]);
            rest = &mut rest[len..];
            if rest.is_empty() {
                return;
            }
        }
    }
}

impl<const C: usize> Color<C> {
    #[inline(always)]
    fn new(cpu: V3) -> Self {
        let neighbors: [u8; 16] = std::array::from_fn(|i| {
            let (lower, channel, right) = (i / 8, i % 8 / 2, i % 2);
            match channel < C {
                true => (lower * 8 + right * C + channel) as u8,
                false => NONE,
            }
        });
        let packed: [u8; 16] = std::array::from_fn(|i| match i < 4 * C {
            true => (i / C * 4 + i % C) as u8,
            false => NONE,
        });
        Self {
            cpu,
            neighbors: cast([neighbors; 2]),
            packed: cast([packed; 2]),
        }
    }

    /// Of eight pixels, `K` and `K + 1` in the lower half of the register and `K + 4` and `K + 5`
    /// in the upper; four values each.
    #[inline(always)]
    fn pixels<const K: usize>(&self, grid: &Grid<'_>, taps: &Taps, first: usize) -> __m256i {
        let avx2 = self.cpu.avx2;
        let [wx, wy] = [&taps.wx, &taps.wy].map(|all| cast(load::<u32, 8>(all, first)));
        let both = avx2._mm256_or_si256(wx, avx2._mm256_slli_epi32::<16>(wx));
        let (wx, next) = match K {
            0 => (
                avx2._mm256_shuffle_epi32::<0b00_00_00_00>(both),
                avx2._mm256_shuffle_epi32::<0b01_01_01_01>(both),
            ),
            _ => (
                avx2._mm256_shuffle_epi32::<0b10_10_10_10>(both),
                avx2._mm256_shuffle_epi32::<0b11_11_11_11>(both),
            ),
        };
        let both = avx2._mm256_or_si256(wy, avx2._mm256_slli_epi32::<16>(wy));
        let wy = match K {
            0 => avx2._mm256_unpacklo_epi32(both, both),
            _ => avx2._mm256_unpackhi_epi32(both, both),
        };
        let index: [u32; 8] = load(&taps.index, first);
        let one = self.rows(grid, (index[K], index[K + 4]), wx);
        let two = self.rows(grid, (index[K + 1], index[K + 5]), next);
        let upper = avx2._mm256_unpacklo_epi64(one, two);
        let lower = avx2._mm256_unpackhi_epi64(one, two);
        whole(self.cpu, blend(self.cpu, upper, lower, wy))
    }

    /// The upper and the lower row of one pixel, four values each, in the lower half of the
    /// register, and those of another pixel in the upper half.
    #[inline(always)]
    fn rows(&self, grid: &Grid<'_>, (one, other): (u32, u32), weight: __m256i) -> __m256i {
        let (one, other) = (self.load_rows(grid, one), self.load_rows(grid, other));
        let bytes = self.cpu.avx._mm256_set_m128i(other, one);
        let pairs = self.cpu.avx2._mm256_shuffle_epi8(bytes, self.neighbors);
        across(self.cpu, pairs, weight)
    }

    /// A word of the upper row and one of the lower.
    #[inline(always)]
    fn load_rows(&self, grid: &Grid<'_>, index: u32) -> __m128i {
        let i = index as usize;
        // One check for both.
        let window = &grid.data[i..i + grid.below + WORD];
        let upper = window.first_chunk().copied().unwrap_or_default();
        let lower = window[grid.below..].first_chunk().copied();
        let (upper, lower) = (
            i64::from_le_bytes(upper),
            i64::from_le_bytes(lower.unwrap_or_default()),
        );
        self.cpu.sse2._mm_set_epi64x(lower, upper)
    }
}

/// Pixels of one channel.
struct Gray {
    cpu: V3,
}

impl<const C: usize> Samples<C> for Gray {
    #[inline(always)]
    fn block(&self, grid: &Grid<'_>, at: &Coords, row: &mut [u8]) {
        let avx2 = self.cpu.avx2;
        let (taps, _) = Taps::new::<1>(self.cpu, grid, at, i32::MAX);
        // Pairs of neighbors.
        let (mut upper, mut lower) = ([0u16; BLOCK], [0u16; BLOCK]);
        let pairs = upper.as_chunks_mut::<4>().0.iter_mut();
        let pairs = pairs.zip(lower.as_chunks_mut::<4>().0);
        for (index, (upper, lower)) in taps.index.as_chunks::<4>().0.iter().zip(pairs) {
            for k in 0..4 {
                let i = index[k] as usize;
                // One check for both.
                let window = &grid.data[i..i + grid.below + 2];
                let below = window[grid.below..].first_chunk().copied();
                upper[k] = u16::from_le_bytes(window.first_chunk().copied().unwrap_or_default());
                lower[k] = u16::from_le_bytes(below.unwrap_or_default());
            }
        }
        let low = self.sixteen(&taps, &upper, &lower, 0);
        let high = self.sixteen(&taps, &upper, &lower, 16);
        let values = avx2._mm256_packus_epi16(low, high);
        let values: [u8; BLOCK] = cast(avx2._mm256_permute4x64_epi64::<IN_ORDER>(values));
        match row.first_chunk_mut() {
            Some(target) => *target = values,
            None => row.copy_from_slice(&values[..row.len()]),
        }
    }
}

/// Packing works within each half of a register; this permutation restores the order.
const IN_ORDER: i32 = 0b11_01_10_00;

impl Gray {
    /// The pixels of a block from `first` on.
    #[inline(always)]
    fn sixteen(
        &self,
        taps: &Taps,
        upper: &[u16; BLOCK],
        lower: &[u16; BLOCK],
        first: usize,
    ) -> __m256i {
        let upper = across(
            self.cpu,
            cast(load::<u16, 16>(upper, first)),
            self.weights(&taps.wx, first),
        );
        let lower = across(
            self.cpu,
            cast(load::<u16, 16>(lower, first)),
            self.weights(&taps.wx, first),
        );
        let weight = self.weights(&taps.wy, first);
        whole(self.cpu, blend(self.cpu, upper, lower, weight))
    }

    #[inline(always)]
    fn weights(&self, weights: &[u32; BLOCK], first: usize) -> __m256i {
        let low = cast(load::<u32, 8>(weights, first));
        let high = cast(load::<u32, 8>(weights, first + 8));
        let packed = self.cpu.avx2._mm256_packus_epi32(low, high);
        self.cpu.avx2._mm256_permute4x64_epi64::<IN_ORDER>(packed)
    }
}

/// The neighbors of the pixels of a block. In memory, because that is the fastest way from a vector
/// register to an address.
struct Taps {
    /// Index of the upper left one of the four neighbors.
    index: [u32; BLOCK],
    /// Weights of the neighbors on the right and below, 15 bits in the lower half of 32.
    wx: [u32; BLOCK],
    wy: [u32; BLOCK],
}

impl Taps {
    /// Also returns whether all indices are at most `end`.
    #[inline(always)]
    fn new<const C: usize>(cpu: V3, grid: &Grid<'_>, at: &Coords, end: i32) -> (Self, bool) {
        let avx2 = cpu.avx2;
        let mut taps = Self {
            index: [0; BLOCK],
            wx: [0; BLOCK],
            wy: [0; BLOCK],
        };
        let mut beyond: __m256i = cast([0u32; 8]);
        let low = cast([0x7fffi32; 8]);
        for first in (0..BLOCK).step_by(8) {
            let x = fixed(cpu, &at.x, first, grid.last.0);
            let y = fixed(cpu, &at.y, first, grid.last.1);
            let row = avx2._mm256_srli_epi32::<16>(y);
            let row = avx2._mm256_mullo_epi32(row, cast([grid.stride * C as i32; 8]));
            let column = avx2._mm256_srli_epi32::<16>(x);
            let twice = avx2._mm256_slli_epi32::<1>(column);
            let column = match C {
                1 => column,
                2 => twice,
                3 => avx2._mm256_add_epi32(column, twice),
                _ => avx2._mm256_slli_epi32::<2>(column),
            };
            let index = avx2._mm256_add_epi32(row, column);
            let farther = avx2._mm256_cmpgt_epi32(index, cast([end; 8]));
            beyond = avx2._mm256_or_si256(beyond, farther);
            let wx = avx2._mm256_and_si256(avx2._mm256_srli_epi32::<1>(x), low);
            let wy = avx2._mm256_and_si256(avx2._mm256_srli_epi32::<1>(y), low);
            store(&mut taps.index, first, index);
            store(&mut taps.wx, first, wx);
            store(&mut taps.wy, first, wy);
        }
        (taps, avx2._mm256_movemask_epi8(beyond) == 0)
    }
}

#[inline(always)]
fn store(values: &mut [u32; BLOCK], first: usize, eight: __m256i) {
    let eight: [u32; 8] = cast(eight);
    values[first..first + 8].copy_from_slice(&eight);
}

#[inline(always)]
fn load<T: Copy + Default, const N: usize>(values: &[T; BLOCK], first: usize) -> [T; N]
where
    [T; N]: Default,
{
    values[first..].first_chunk().copied().unwrap_or_default()
}

/// Coordinates in 1/65536 px.
#[inline(always)]
fn fixed(cpu: V3, values: &[f32; BLOCK], first: usize, last: i32) -> __m256i {
    let eight: [f32; 8] = load(values, first);
    let scaled = cpu.avx._mm256_mul_ps(cast(eight), cast([UNITS; 8]));
    let whole = cpu.avx._mm256_cvttps_epi32(scaled);
    cpu.avx2._mm256_min_epi32(whole, cast([last; 8]))
}

/// Interpolates pairs of bytes, in 1/64 of a gray level: 64 times the left one plus the weighted
/// difference.
#[inline(always)]
fn across(cpu: V3, pairs: __m256i, weight: __m256i) -> __m256i {
    let avx2 = cpu.avx2;
    let left = avx2._mm256_maddubs_epi16(pairs, cast([[64i8, 0]; 16]));
    let difference = avx2._mm256_maddubs_epi16(pairs, cast([[-64i8, 64]; 16]));
    avx2._mm256_add_epi16(left, avx2._mm256_mulhrs_epi16(difference, weight))
}

#[inline(always)]
fn blend(cpu: V3, upper: __m256i, lower: __m256i, weight: __m256i) -> __m256i {
    let difference = cpu.avx2._mm256_sub_epi16(lower, upper);
    let step = cpu.avx2._mm256_mulhrs_epi16(difference, weight);
    cpu.avx2._mm256_add_epi16(upper, step)
}

/// From 1/64 of a gray level to the nearest integer level: `(v·512 + 2¹⁴) / 2¹⁵`.
#[inline(always)]
fn whole(cpu: V3, values: __m256i) -> __m256i {
    cpu.avx2._mm256_mulhrs_epi16(values, cast([512i16; 16]))
}
