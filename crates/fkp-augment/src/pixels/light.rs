//! Shadows and uneven light: a factor that varies smoothly over the image.

use super::Canvas;
use fkp_core::Channel;
use fkp_core::vectors::{self, Kernel};

/// Darkens what lies beyond a line, with an edge in the form of a smooth step.
pub(super) fn shadow<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    through: (f64, f64),
    angle_deg: f64,
    strength: f64,
    softness: f64,
) {
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let edge = (softness * width.hypot(height)).max(1e-3);
    let at = (through.0 * width - 0.5, through.1 * height - 0.5);
    let strength = strength as f32;
    along(canvas, at, angle_deg, 1.0 / edge, Step { strength });
}

/// A linear factor from `1 − strength` to `1 + strength` between the far ends.
pub(super) fn gradient<T: Channel>(canvas: &mut Canvas<'_, T>, angle_deg: f64, strength: f64) {
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let reach = (width * cos.abs() + height * sin.abs()) / 2.0;
    let center = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
    let strength = strength as f32;
    along(canvas, center, angle_deg, 1.0 / reach, Slope { strength });
}

/// Multiplies each pixel by a factor of its signed distance from a line, times `scale`.
fn along<T: Channel>(
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
        step: ((cos * scale) as f32, (-sin * scale) as f32),
        factor,
    });
}

struct Rows<'a, T, F> {
    data: &'a mut [T],
    factors: &'a mut [f32],
    channels: usize,
    /// The distance at the first pixel, and what a step right and down add to it.
    start: f32,
    step: (f32, f32),
    factor: F,
}

impl<T: Channel, F: Factor> Kernel for Rows<'_, T, F> {
    #[inline(always)]
    fn run(self) {
        let row_len = self.factors.len() * self.channels;
        for (y, row) in self.data.chunks_exact_mut(row_len).enumerate() {
            let start = self.start + self.step.1 * y as f32;
            for (x, value) in self.factors.iter_mut().enumerate() {
                *value = self.factor.at(start + self.step.0 * x as f32);
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

/// The light as a function of a distance.
trait Factor {
    fn at(&self, t: f32) -> f32;
}

/// A smooth step down by `strength` about 0.
struct Step {
    strength: f32,
}

impl Factor for Step {
    #[inline(always)]
    fn at(&self, t: f32) -> f32 {
        let t = (t + 0.5).clamp(0.0, 1.0);
        1.0 - self.strength * t * t * (3.0 - 2.0 * t)
    }
}

/// A straight line through 1 with this slope.
struct Slope {
    strength: f32,
}

impl Factor for Slope {
    #[inline(always)]
    fn at(&self, t: f32) -> f32 {
        1.0 + self.strength * t
    }
}
