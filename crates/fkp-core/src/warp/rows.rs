//! The loop over the rows and blocks of a destination, for filters of one sample per pixel.

use super::coords::{BLOCK, Coords, InverseMap};
use crate::vectors::Kernel;

/// Rows of a warp with one sample per pixel.
pub(super) struct Rows<'a, S, T, const C: usize> {
    pub(super) samples: S,
    pub(super) inverse_map: &'a InverseMap<'a>,
    pub(super) width: usize,
    pub(super) dst: &'a mut [T],
}

/// How a pixel of `C` channels is sampled. Inlined, for the reason given at [`Kernel`].
pub(super) trait Samples<T, const C: usize> {
    /// Applies the border rule to a block's coordinates, if it acts on coordinates.
    #[inline(always)]
    fn fold(&self, _at: &mut Coords) {}

    /// The pixel at a folded coordinate of the source.
    fn pixel(&self, x: f32, y: f32) -> [T; C];
}

impl<S: Samples<T, C>, T: Copy, const C: usize> Kernel for Rows<'_, S, T, C> {
    #[inline(always)]
    fn run(self) {
        let mut at = Coords::new();
        for (y, row) in self.dst.chunks_exact_mut(self.width * C).enumerate() {
            for (block, out) in row.chunks_mut(BLOCK * C).enumerate() {
                let x = (block * BLOCK) as f64;
                self.inverse_map.fill(x, y as f64, &mut at);
                self.samples.fold(&mut at);
                for (k, pixel) in out.chunks_exact_mut(C).enumerate() {
                    pixel.copy_from_slice(&self.samples.pixel(at.x[k], at.y[k]));
                }
            }
        }
    }
}
