//! Bilinear samples in floating point, for channels of any type and images of any size.

use super::coords::Coords;
use super::rows::Samples;
use super::source::Source;
use crate::Channel;

impl<T: Channel, const C: usize> Samples<T, C> for &Source<'_, T> {
    #[inline(always)]
    fn fold(&self, at: &mut Coords) {
        Source::fold(self, at);
    }

    #[inline(always)]
    fn pixel(&self, x: f32, y: f32) -> [T; C] {
        sample(self, x, y).map(T::from_f32)
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
