//! The nearest pixel, for masks and labels: the result has no values that the source does not have.

use super::border::Border;
use super::coords::{BLOCK, Coords, InverseMap};
use super::source::View;
use crate::Channel;
use crate::vectors::Kernel;

/// Rows of a nearest-pixel warp.
pub(super) struct Rows<'a, T, const C: usize> {
    pub(super) src: View<'a, T>,
    pub(super) inverse_map: &'a InverseMap<'a>,
    pub(super) width: usize,
    pub(super) border: Border,
    pub(super) dst: &'a mut [T],
}

impl<T: Channel, const C: usize> Kernel for Rows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let Self {
            src,
            inverse_map,
            width,
            border,
            dst,
        } = self;
        let constant = border.constant();
        let mut at = Coords::new();
        for (y, row) in dst.chunks_exact_mut(width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                inverse_map.fill((block * BLOCK) as f64, y as f64, &mut at);
                for (k, pixel) in out.chunks_exact_mut(C).enumerate() {
                    let round = |v: f32| (v + 0.5).floor().clamp(-1e12, 1e12) as i64;
                    let x = border.index(round(at.x[k]), src.width);
                    let y = border.index(round(at.y[k]), src.height);
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
