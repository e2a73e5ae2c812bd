//! Cubic convolution over 4×4 neighbors.

use super::border::Border;
use super::rows::Samples;
use super::source::View;
use crate::Channel;

/// Bicubic samples of an image.
pub(super) struct Bicubic<'a, T> {
    pub(super) src: View<'a, T>,
    pub(super) border: Border,
}

impl<T: Channel, const C: usize> Samples<T, C> for Bicubic<'_, T> {
    #[inline(always)]
    fn pixel(&self, x: f32, y: f32) -> [T; C] {
        let Self { src, border } = self;
        let (x, y) = (x.clamp(-1e12, 1e12), y.clamp(-1e12, 1e12));
        let (x0, y0) = (x.floor(), y.floor());
        let (wx, wy) = (weights(x - x0), weights(y - y0));
        let (x0, y0) = (x0 as i64, y0 as i64);
        let columns: [Option<usize>; 4] =
            std::array::from_fn(|i| border.index(x0 - 1 + i as i64, src.width));
        let constant = border.constant::<T>().to_f32();
        let mut sum = [0.0; C];
        for (j, wy) in wy.into_iter().enumerate() {
            let row = border.index(y0 - 1 + j as i64, src.height);
            for (column, wx) in columns.into_iter().zip(wx) {
                let weight = wx * wy;
                match row.zip(column) {
                    Some((row, column)) => {
                        let start = (row * src.width + column) * C;
                        for (sum, value) in sum.iter_mut().zip(&src.data[start..start + C]) {
                            *sum += weight * value.to_f32();
                        }
                    }
                    None => sum.iter_mut().for_each(|sum| *sum += weight * constant),
                }
            }
        }
        sum.map(T::from_f32)
    }
}

/// Keys, *Cubic convolution interpolation for digital image processing* (1981), a = −1/2.
#[inline(always)]
fn weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ]
}
