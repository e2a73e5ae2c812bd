//! Shrinking without aliasing: the mean of a regular grid of bilinear samples per pixel.

use super::bilinear;
use super::coords::{BLOCK, Coords, InverseMap};
use super::source::Source;
use crate::Channel;
use crate::vectors::Kernel;

/// The number of samples along each axis that covers every source pixel, from the largest step of
/// the map on a coarse grid over the destination. The limit bounds the time for extreme maps: the
/// grid has gaps where the map shrinks by more than 64.
pub(super) fn taps(inverse_map: &InverseMap<'_>, size: (usize, usize)) -> (usize, usize) {
    let mut step = (0f64, 0f64);
    let places = match inverse_map {
        InverseMap::Affine(_) => 1,
        InverseMap::Perspective(_) | InverseMap::Points(_) => 5,
    };
    for j in 0..places {
        for i in 0..places {
            let at = |i: usize, side: usize| (i as f64 + 0.5) / places as f64 * side as f64 - 0.5;
            let (x, y) = (at(i, size.0), at(j, size.1));
            let here = inverse_map.point(x, y);
            let distance = |there: (f64, f64)| (there.0 - here.0).hypot(there.1 - here.1);
            step.0 = step.0.max(distance(inverse_map.point(x + 1.0, y)));
            step.1 = step.1.max(distance(inverse_map.point(x, y + 1.0)));
        }
    }
    let count = |step: f64| (step - 1e-6).ceil().clamp(1.0, 64.0) as usize;
    (count(step.0), count(step.1))
}

/// Rows of an area warp.
pub(super) struct Rows<'a, T, const C: usize> {
    pub(super) source: &'a Source<'a, T>,
    pub(super) inverse_map: &'a InverseMap<'a>,
    pub(super) width: usize,
    pub(super) taps: (usize, usize),
    pub(super) dst: &'a mut [T],
}

impl<T: Channel, const C: usize> Kernel for Rows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let Self {
            source,
            inverse_map,
            width,
            taps: (nx, ny),
            dst,
        } = self;
        let weight = 1.0 / (nx * ny) as f32;
        let offset = |tap: usize, taps: usize| (tap as f64 + 0.5) / taps as f64 - 0.5;
        let mut at = Coords::new();
        for (y, row) in dst.chunks_exact_mut(width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                let mut sums = [[0.0; C]; BLOCK];
                let count = out.len() / C;
                for ky in 0..ny {
                    for kx in 0..nx {
                        let x = (block * BLOCK) as f64 + offset(kx, nx);
                        inverse_map.fill(x, y as f64 + offset(ky, ny), &mut at);
                        source.fold(&mut at);
                        for (k, sum) in sums[..count].iter_mut().enumerate() {
                            let value = bilinear::sample::<T, C>(source, at.x[k], at.y[k]);
                            for (sum, value) in sum.iter_mut().zip(value) {
                                *sum += value;
                            }
                        }
                    }
                }
                for (pixel, sum) in out.chunks_exact_mut(C).zip(sums) {
                    for (channel, sum) in pixel.iter_mut().zip(sum) {
                        *channel = T::from_f32(sum * weight);
                    }
                }
            }
        }
    }
}
