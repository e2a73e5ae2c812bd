//! Shadows and uneven light: a factor that varies smoothly over the picture.

use super::Canvas;
use crate::raster::Channel;

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
    along(canvas, at, angle_deg, 1.0 / edge, |t| {
        let t = (t + 0.5).clamp(0.0, 1.0);
        1.0 - strength * t * t * (3.0 - 2.0 * t)
    });
}

/// A linear factor from `1 − strength` to `1 + strength` between the far ends.
pub(super) fn gradient<T: Channel>(canvas: &mut Canvas<'_, T>, angle_deg: f64, strength: f64) {
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let reach = (width * cos.abs() + height * sin.abs()) / 2.0;
    let centre = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
    let strength = strength as f32;
    along(canvas, centre, angle_deg, 1.0 / reach, |t| {
        1.0 + strength * t
    });
}

/// Multiplies each pixel by a factor of its signed distance from a line, times `scale`.
fn along<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    at: (f64, f64),
    angle_deg: f64,
    scale: f64,
    factor: impl Fn(f32) -> f32 + Copy,
) {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let step = (cos * scale) as f32;
    let (width, channels) = (canvas.width, canvas.channels);
    let data = &mut *canvas.data;
    let factors = &mut *canvas.floats;
    factors.resize(width, 0.0);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (y, row) in data.chunks_exact_mut(width * channels).enumerate() {
                let start = ((-at.0 * cos - (y as f64 - at.1) * sin) * scale) as f32;
                for (x, value) in factors.iter_mut().enumerate() {
                    *value = factor(start + step * x as f32);
                }
                if channels == 1 {
                    for (value, factor) in row.iter_mut().zip(factors.iter()) {
                        *value = T::from_f32((value.to_f32() * factor).min(T::WHITE));
                    }
                } else {
                    for (pixel, factor) in row.chunks_exact_mut(channels).zip(factors.iter()) {
                        for value in pixel {
                            *value = T::from_f32((value.to_f32() * factor).min(T::WHITE));
                        }
                    }
                }
            }
        },
    );
}
