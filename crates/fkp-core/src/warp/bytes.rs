//! Bilinear samples of 8-bit images in 16-bit integers: the arithmetic, and the portable loop.
//!
//! A coordinate is in units of 1/65536 px, a weight of 1/32768, a value of 1/64 of a gray level.
//! The interpolation along x, that along y and the final division each round to nearest, so the
//! result is within 0.53 gray levels of the exact one. The operations on integers are the same on
//! every processor, and so are the bytes.

use super::coords::{BLOCK, Coords, InverseMap};
use super::source::Source;
use crate::vectors::Kernel;

/// Rows of a bilinear warp of bytes.
pub(super) struct Rows<'a, const C: usize> {
    pub(super) source: &'a Source<'a, u8>,
    pub(super) inverse_map: &'a InverseMap<'a>,
    pub(super) width: usize,
    pub(super) dst: &'a mut [u8],
}

impl<const C: usize> Rows<'_, C> {
    /// Runs with the given code for a block.
    #[inline(always)]
    pub(super) fn run_with(self, samples: impl Samples<C>) {
        let grid = Grid::new(self.source, C);
        let mut at = Coords::new();
        for (y, row) in self.dst.chunks_exact_mut(self.width * C).enumerate() {
            for x in (0..self.width).step_by(BLOCK) {
                self.inverse_map.fill(x as f64, y as f64, &mut at);
                self.source.fold(&mut at);
                samples.block(&grid, &at, &mut row[x * C..]);
            }
        }
    }
}

impl<const C: usize> Kernel for Rows<'_, C> {
    #[inline(always)]
    fn run(self) {
        self.run_with(Portable);
    }
}

/// How a block of pixels of `C` channels is sampled. A trait and not a closure, for the reason
/// given at [`Kernel`].
pub(super) trait Samples<const C: usize> {
    /// Fills the first [`BLOCK`] pixels of `row`, or as many as there are, from folded coordinates.
    /// The pixels after them are filled later and may be overwritten.
    fn block(&self, grid: &Grid<'_>, at: &Coords, row: &mut [u8]);
}

/// The source image for integer coordinates.
pub(super) struct Grid<'a> {
    pub(super) data: &'a [u8],
    /// Pixels in a row.
    pub(super) stride: i32,
    /// Bytes from a pixel to the one below. Computed from 32-bit values, so that the compiler knows
    /// that adding an index to it does not overflow.
    pub(super) below: usize,
    /// The largest coordinates along x and y: 1/65536 px before the last pixel, where the weight of
    /// the last pixel is 32767/32768 and the interpolation of bytes is still exact.
    pub(super) last: (i32, i32),
}

impl<'a> Grid<'a> {
    #[inline(always)]
    fn new(source: &Source<'a, u8>, channels: usize) -> Self {
        let last = |side: usize| ((side as i32 - 1) << 16) - 1;
        Self {
            data: source.data,
            stride: source.width as i32,
            below: (source.width as u32 * channels as u32) as usize,
            last: (last(source.width), last(source.height)),
        }
    }
}

/// Units of an integer coordinate per pixel.
pub(super) const UNITS: f32 = 65536.0;

/// The pixel before a folded coordinate and the weight of the one after it.
#[inline(always)]
fn split(value: f32, last: i32) -> (i32, i32) {
    let fixed = ((value * UNITS) as i32).min(last);
    (fixed >> 16, (fixed >> 1) & 0x7fff)
}

/// The code for any processor.
pub(super) struct Portable;

impl<const C: usize> Samples<C> for Portable {
    #[inline(always)]
    fn block(&self, grid: &Grid<'_>, at: &Coords, row: &mut [u8]) {
        let count = (row.len() / C).min(BLOCK);
        let (mut wx, mut wy) = ([0i32; BLOCK], [0i32; BLOCK]);
        let mut index = [0u32; BLOCK];
        for k in 0..BLOCK {
            let (x0, y0);
            (x0, wx[k]) = split(at.x[k], grid.last.0);
            (y0, wy[k]) = split(at.y[k], grid.last.1);
            index[k] = ((y0 * grid.stride + x0) * C as i32) as u32;
        }
        let mut near = [[[0i16; C]; BLOCK]; 4];
        for (k, &i) in index[..count].iter().enumerate() {
            let i = i as usize;
            let window = &grid.data[i..i + grid.below + 2 * C];
            for c in 0..C {
                let offsets = [c, c + C, grid.below + c, grid.below + c + C];
                for (near, offset) in near.iter_mut().zip(offsets) {
                    near[k][c] = i16::from(window[offset]) << 6;
                }
            }
        }
        let mut values = [[0u8; C]; BLOCK];
        for k in 0..BLOCK {
            for c in 0..C {
                let upper = blend(near[0][k][c], near[1][k][c], wx[k]);
                let lower = blend(near[2][k][c], near[3][k][c], wx[k]);
                values[k][c] = ((blend(upper, lower, wy[k]) + 32) >> 6) as u8;
            }
        }
        row[..count * C].copy_from_slice(&values.as_flattened()[..count * C]);
    }
}

/// `a + (b − a)·w/32768`, rounded to nearest: the same as `pmulhrsw` and an addition.
#[inline(always)]
fn blend(a: i16, b: i16, w: i32) -> i16 {
    a + ((i32::from(b - a) * w + 0x4000) >> 15) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::border::Border;
    use crate::warp::source::View;
    use crate::{Affine, Purpose, Rng, rng_for};
    use proptest::prelude::*;

    fn rows<const C: usize>(
        data: &[u8],
        (width, height): (usize, usize),
        size: (usize, usize),
        map: [[f64; 3]; 2],
        run: fn(Rows<'_, C>),
    ) -> Vec<u8> {
        let view = View {
            data,
            width,
            height,
            channels: C,
        };
        let mut pad = Vec::new();
        let source = Source::padded(view, Border::Replicate, &mut pad);
        let mut dst = vec![0; size.0 * size.1 * C];
        run(Rows {
            source: &source,
            inverse_map: &InverseMap::Affine(map),
            width: size.0,
            dst: &mut dst,
        });
        dst
    }

    proptest! {
        /// Everywhere, also at the end of the image, where the fast code must not read beyond it.
        #[test]
        fn every_processor_gives_the_same_bytes(
            source in (2usize..40, 2usize..40), size in (1usize..80, 1usize..12),
            seed: u64, angle in -3.2f64..3.2, zoom in 0.3f64..3.0,
            shift in (-30.0f64..30.0, -30.0f64..30.0),
        ) {
            let map = Affine::rotation_about((10.0, 10.0), angle)
                .then(&Affine::scale_about((10.0, 10.0), zoom, zoom).unwrap()).unwrap()
                .then(&Affine::translation(shift.0, shift.1)).unwrap().rows();
            let noise = |channels: usize| -> Vec<u8> {
                let mut bytes = vec![0; source.0 * source.1 * channels];
                rng_for(seed, Purpose::Render, 0, 0).fill_bytes(&mut bytes);
                bytes
            };
            fn both<const C: usize>(
                data: &[u8], source: (usize, usize), size: (usize, usize), map: [[f64; 3]; 2],
            ) -> (Vec<u8>, Vec<u8>) {
                let plain = rows::<C>(data, source, size, map, |rows| rows.run_with(Portable));
                (plain, rows::<C>(data, source, size, map, crate::warp::bytes_rows))
            }
            let pairs = [
                both::<1>(&noise(1), source, size, map),
                both::<2>(&noise(2), source, size, map),
                both::<3>(&noise(3), source, size, map),
                both::<4>(&noise(4), source, size, map),
            ];
            for (plain, fastest) in pairs {
                prop_assert_eq!(plain, fastest);
            }
        }
    }
}
