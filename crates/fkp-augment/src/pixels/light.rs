//! Light that varies smoothly in one direction: a factor for each pixel.

use super::Canvas;
use fkp_core::Channel;
use fkp_core::vectors::{self, Kernel};

/// The factor as a function of the scaled distance from a line.
pub(crate) trait Factor {
    /// The factor at the distance `t`.
    fn at(&self, t: f32) -> f32;
}

/// Multiplies each pixel by a factor of its signed distance from a line, times `scale`.
pub(crate) fn multiply_along<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    at: (f64, f64),
    angle_deg: f64,
    scale: f64,
    factor: impl Factor,
) {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let (width, channels) = (canvas.width, canvas.channels);
    let factors = &mut *canvas.floats;
    factors.resize(width, 0.0);
    vectors::run(Rows {
        data: canvas.data,
        factors,
        channels,
        start: ((-at.0 * cos + at.1 * sin) * scale) as f32,
        change: ((cos * scale) as f32, (-sin * scale) as f32),
        factor,
    });
}

struct Rows<'a, T, F> {
    data: &'a mut [T],
    factors: &'a mut [f32],
    channels: usize,
    /// The distance of the first pixel, and its change per column and per row.
    start: f32,
    change: (f32, f32),
    factor: F,
}

impl<T: Channel, F: Factor> Kernel for Rows<'_, T, F> {
    #[inline(always)]
    fn run(self) {
        let row_len = self.factors.len() * self.channels;
        for (y, row) in self.data.chunks_exact_mut(row_len).enumerate() {
            let start = self.start + self.change.1 * y as f32;
            for (x, value) in self.factors.iter_mut().enumerate() {
                *value = self.factor.at(start + self.change.0 * x as f32);
            }
            if self.channels == 1 {
                for (value, factor) in row.iter_mut().zip(self.factors.iter()) {
                    *value = T::from_f32((value.to_f32() * factor).min(T::WHITE));
                }
                continue;
            }
            let pixels = row.chunks_exact_mut(self.channels);
            for (pixel, factor) in pixels.zip(self.factors.iter()) {
                for value in pixel {
                    *value = T::from_f32((value.to_f32() * factor).min(T::WHITE));
                }
            }
        }
    }
}
