//! Bilinear samples in floating point, for channels of any type and images of any size.

use super::coords::{BLOCK, Coords, InverseMap};
use super::source::Source;
use crate::Channel;
use crate::vectors::Kernel;

/// Rows of a bilinear warp.
pub(super) struct Rows<'a, T, const C: usize> {
    pub(super) source: &'a Source<'a, T>,
    pub(super) inverse_map: &'a InverseMap<'a>,
    pub(super) width: usize,
    pub(super) dst: &'a mut [T],
}

impl<T: Channel, const C: usize> Kernel for Rows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let mut at = Coords::new();
        for (y, row) in self.dst.chunks_exact_mut(self.width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                let x = (block * BLOCK) as f64;
                self.inverse_map.fill(x, y as f64, &mut at);
                self.source.fold(&mut at);
                block_samples::<T, C>(self.source, &at, out);
            }
        }
    }
}

/// The samples of one block.
#[inline(always)]
fn block_samples<T: Channel, const C: usize>(source: &Source<'_, T>, at: &Coords, out: &mut [T]) {
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
