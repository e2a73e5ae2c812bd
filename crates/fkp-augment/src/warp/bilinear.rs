//! Bilinear samples of one block: the fast 8-bit path, and the plain one that states what it does.

use super::{BLOCK, Backward, Coords, Source};
use crate::raster::Channel;
use crate::vectors::Kernel;

/// Rows of a bilinear warp of bytes.
pub(super) struct ByteRows<'a, const C: usize> {
    pub(super) source: &'a Source<'a, u8>,
    pub(super) backward: &'a Backward<'a>,
    pub(super) width: usize,
    pub(super) dst: &'a mut [u8],
}

/// Rows of a bilinear warp of any format.
pub(super) struct PlainRows<'a, T, const C: usize> {
    pub(super) source: &'a Source<'a, T>,
    pub(super) backward: &'a Backward<'a>,
    pub(super) width: usize,
    pub(super) dst: &'a mut [T],
}

impl<const C: usize> Kernel for ByteRows<'_, C> {
    #[inline(always)]
    fn run(self) {
        let mut at = Coords::new();
        for (y, row) in self.dst.chunks_exact_mut(self.width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                let x = (block * BLOCK) as f64;
                self.backward.fill(x, y as f64, &mut at);
                self.source.fold(&mut at);
                bytes::<C>(self.source, &at, out);
            }
        }
    }
}

impl<T: Channel, const C: usize> Kernel for PlainRows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let mut at = Coords::new();
        for (y, row) in self.dst.chunks_exact_mut(self.width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                let x = (block * BLOCK) as f64;
                self.backward.fill(x, y as f64, &mut at);
                self.source.fold(&mut at);
                plain::<T, C>(self.source, &at, out);
            }
        }
    }
}

/// Both bytes' worth of a pair of channels, 16 bits apart.
const LANES: u32 = 0x00ff_00ff;

/// 8-bit samples at 1/256 px. Two 16-bit lanes share a 32-bit number, so one multiplication
/// blends two values; the second blend keeps all 16 bits of the first and rounds once, which
/// leaves the result within half a grey level of the exact one at those coordinates.
#[inline(always)]
fn bytes<const C: usize>(source: &Source<'_, u8>, at: &Coords, out: &mut [u8]) {
    let (max_x, max_y) = (source.width as u32 - 2, source.height as u32 - 2);
    let stride = source.width as u32;
    let mut index = [0u32; BLOCK];
    let (mut wx, mut wy) = ([0u32; BLOCK], [0u32; BLOCK]);
    for k in 0..BLOCK {
        let (x, y) = (fixed(at.x[k]), fixed(at.y[k]));
        // At the last pixel the weight is 256 on its left neighbour's right.
        let (x0, y0) = ((x >> 8).min(max_x), (y >> 8).min(max_y));
        (wx[k], wy[k]) = (x - (x0 << 8), y - (y0 << 8));
        index[k] = (y0 * stride + x0) * C as u32;
    }
    let below = source.width * C;
    let count = out.len() / C;
    match C {
        1 => {
            let mut quad = [0u32; BLOCK];
            for (quad, &i) in quad[..count].iter_mut().zip(&index) {
                // One check for all four neighbours.
                let window = &source.data[i as usize..i as usize + below + 2];
                let top = u16::from_le_bytes([window[0], window[1]]);
                let bottom = u16::from_le_bytes([window[below], window[below + 1]]);
                *quad = u32::from(top) | u32::from(bottom) << 16;
            }
            let mut grey = [0u8; BLOCK];
            for k in 0..BLOCK {
                let rows = blend(quad[k] & LANES, (quad[k] >> 8) & LANES, wx[k]);
                grey[k] = mix(rows & 0xffff, rows >> 16, wy[k]) as u8;
            }
            match out.first_chunk_mut::<BLOCK>() {
                Some(out) => *out = grey,
                None => out.copy_from_slice(&grey[..count]),
            }
        }
        3 => {
            // Two neighbours, from the row and from the one below.
            let (mut top, mut top_right) = ([0u32; BLOCK], [0u32; BLOCK]);
            let (mut bottom, mut bottom_right) = ([0u32; BLOCK], [0u32; BLOCK]);
            for k in 0..count {
                let i = index[k] as usize;
                let window = &source.data[i..i + below + 6];
                (top[k], top_right[k]) = pixel_pair(window, 0);
                (bottom[k], bottom_right[k]) = pixel_pair(window, below);
            }
            let mut rgb = [0u32; BLOCK];
            for k in 0..BLOCK {
                let (wx, wy) = (wx[k], wy[k]);
                let red_blue = |left: u32, right: u32| blend(left & LANES, right & LANES, wx);
                let upper = red_blue(top[k], top_right[k]);
                let lower = red_blue(bottom[k], bottom_right[k]);
                let green = |pixel: u32| (pixel >> 8) & 0xff;
                let rows = blend(
                    green(top[k]) | green(bottom[k]) << 16,
                    green(top_right[k]) | green(bottom_right[k]) << 16,
                    wx,
                );
                let r = mix(upper & 0xffff, lower & 0xffff, wy);
                let g = mix(rows & 0xffff, rows >> 16, wy);
                let b = mix(upper >> 16, lower >> 16, wy);
                rgb[k] = r | g << 8 | b << 16;
            }
            // Four bytes are stored where three are meant; the next pixel mends the fourth.
            for k in 0..count - 1 {
                out[3 * k..3 * k + 4].copy_from_slice(&rgb[k].to_le_bytes());
            }
            let last = count - 1;
            out[3 * last..3 * last + 3].copy_from_slice(&rgb[last].to_le_bytes()[..3]);
        }
        _ => {
            for (k, pixel) in out.chunks_exact_mut(C).enumerate() {
                let i = index[k] as usize;
                for (c, value) in pixel.iter_mut().enumerate() {
                    let read = |i: usize| u32::from(source.data[i + c]);
                    let rows = blend(
                        read(i) | read(i + below) << 16,
                        read(i + C) | read(i + C + below) << 16,
                        wx[k],
                    );
                    *value = mix(rows & 0xffff, rows >> 16, wy[k]) as u8;
                }
            }
        }
    }
}

/// A coordinate in `[0, 32000)` in 1/256 px, rounded: adding 2²³ leaves the integer in the
/// mantissa.
#[inline(always)]
fn fixed(value: f32) -> u32 {
    (value * 256.0 + 8_388_608.0).to_bits() & 0x7f_ffff
}

/// In each 16-bit lane `a·(256 − w) + b·w`, up to 65280. The difference may be negative; modulo
/// 2³² the sum is right all the same.
#[inline(always)]
fn blend(a: u32, b: u32, w: u32) -> u32 {
    (a << 8).wrapping_add(b.wrapping_sub(a).wrapping_mul(w))
}

/// `(a·(256 − w) + b·w) / 65536`, rounded to nearest.
#[inline(always)]
fn mix(a: u32, b: u32, w: u32) -> u32 {
    blend(a, b, w).wrapping_add(0x8000) >> 16
}

/// Two neighbouring pixels of three bytes, each in the low bytes of its number.
#[inline(always)]
fn pixel_pair(bytes: &[u8], i: usize) -> (u32, u32) {
    (four(bytes, i), four(bytes, i + 2) >> 8)
}

/// Four bytes as one number, in one load.
#[inline(always)]
fn four(bytes: &[u8], i: usize) -> u32 {
    match bytes[i..].first_chunk() {
        Some(four) => u32::from_le_bytes(*four),
        None => 0,
    }
}

/// The same in floating point, for any format and size.
#[inline(always)]
fn plain<T: Channel, const C: usize>(source: &Source<'_, T>, at: &Coords, out: &mut [T]) {
    for (k, pixel) in out.chunks_exact_mut(C).enumerate() {
        let value = sample::<T, C>(source, at.x[k], at.y[k]);
        for (channel, value) in pixel.iter_mut().zip(value) {
            *channel = T::from_f32(value);
        }
    }
}

/// One bilinear sample at a folded coordinate.
#[inline(always)]
pub(super) fn sample<T: Channel, const C: usize>(
    source: &Source<'_, T>,
    x: f32,
    y: f32,
) -> [f32; C] {
    let x0 = (x as usize).min(source.width - 2);
    let y0 = (y as usize).min(source.height - 2);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let start = (y0 * source.width + x0) * C;
    let top = &source.data[start..start + 2 * C];
    let start = start + source.width * C;
    let bottom = &source.data[start..start + 2 * C];
    std::array::from_fn(|c| {
        let (p00, p10) = (top[c].to_f32(), top[c + C].to_f32());
        let (p01, p11) = (bottom[c].to_f32(), bottom[c + C].to_f32());
        let (upper, lower) = (p00 + (p10 - p00) * fx, p01 + (p11 - p01) * fx);
        upper + (lower - upper) * fy
    })
}
