//! The nearest pixel, for masks and labels: no value comes out that was not in the picture.

use super::{BLOCK, Backward, Coords, View, fold};
use crate::raster::Channel;
use crate::vectors::Kernel;
use fkp_core::Border;

/// Rows of a nearest-pixel warp.
pub(super) struct Rows<'a, T, const C: usize> {
    pub(super) src: View<'a, T>,
    pub(super) backward: &'a Backward<'a>,
    pub(super) width: usize,
    pub(super) border: Border,
    pub(super) dst: &'a mut [T],
}

impl<T: Channel, const C: usize> Kernel for Rows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let Self {
            src,
            backward,
            width,
            border,
            dst,
        } = self;
        let constant = match border {
            Border::Constant(value) => T::from_f32(f32::from(value) / 255.0 * T::WHITE),
            _ => T::default(),
        };
        let mut at = Coords::new();
        for (y, row) in dst.chunks_exact_mut(width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                backward.fill((block * BLOCK) as f64, y as f64, &mut at);
                for (k, pixel) in out.chunks_exact_mut(C).enumerate() {
                    let round = |v: f32| (v + 0.5).floor().clamp(-1e12, 1e12) as i64;
                    let x = fold::index(round(at.x[k]), src.width, border);
                    let y = fold::index(round(at.y[k]), src.height, border);
                    match x.zip(y) {
                        Some((x, y)) => {
                            let start = (y * src.width + x) * C;
                            pixel.copy_from_slice(&src.data[start..start + C]);
                        }
                        None => pixel.fill(constant),
                    }
                }
            }
        }
    }
}
