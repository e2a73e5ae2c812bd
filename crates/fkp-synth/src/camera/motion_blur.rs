//! Blur by a movement of camera or subject while the shutter is open.

use crate::raster::{Raster, accumulate};

/// A uniform movement along a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionBlur {
    /// Length of the movement as a fraction of the side; 0 is none.
    pub length: f32,
    /// Direction in radians: 0 is horizontal, positive angles turn clockwise in the image.
    pub angle: f32,
}

impl MotionBlur {
    /// No movement.
    pub const NONE: Self = Self {
        length: 0.0,
        angle: 0.0,
    };

    /// Blurs symmetrically about the middle of the movement, so that nothing changes its position.
    pub(super) fn apply(&self, raster: &mut Raster) {
        let length = self.length * raster.size as f32;
        if length < 0.4 {
            return;
        }
        let kernel = Kernel::line(length, self.angle);
        let (len, channels, radius) = (raster.row_len(), raster.channels, kernel.radius);
        let rows = raster.size + 2 * radius;
        let padded_len = len + 2 * radius * channels;
        let mut padded = Vec::with_capacity(rows * padded_len);
        let mut row = Vec::with_capacity(padded_len);
        for y in 0..rows {
            raster.padded_row(y as isize - radius as isize, radius, &mut row);
            padded.extend_from_slice(&row);
        }
        for (y, out) in raster.data.chunks_exact_mut(len).enumerate() {
            out.fill(0.0);
            for tap in &kernel.taps {
                let start = (y + tap.y) * padded_len + tap.x * channels;
                accumulate(out, &padded[start..start + len], tap.weight);
            }
        }
    }
}

/// One weight of a kernel, at an offset from its upper left corner.
struct Tap {
    x: usize,
    y: usize,
    weight: f32,
}

/// The weights of a small image around its middle pixel.
struct Kernel {
    radius: usize,
    taps: Vec<Tap>,
}

impl Kernel {
    fn line(length: f32, angle: f32) -> Self {
        let radius = (length / 2.0).ceil() as usize + 1;
        let side = 2 * radius + 1;
        let mut weights = vec![0.0; side * side];
        // Points along the line, each distributed over the four pixels around it.
        let count = (2.0 * length).ceil() as usize + 1;
        let (sin, cos) = angle.sin_cos();
        for k in 0..count {
            let t = ((k as f32 + 0.5) / count as f32 - 0.5) * length;
            let (x, y) = (radius as f32 + t * cos, radius as f32 + t * sin);
            let (fx, fy) = (x.fract(), y.fract());
            let start = y as usize * side + x as usize;
            for (offset, weight) in [
                (0, (1.0 - fx) * (1.0 - fy)),
                (1, fx * (1.0 - fy)),
                (side, (1.0 - fx) * fy),
                (side + 1, fx * fy),
            ] {
                weights[start + offset] += weight / count as f32;
            }
        }
        let taps = weights.iter().enumerate().map(|(i, weight)| Tap {
            x: i % side,
            y: i / side,
            weight: *weight,
        });
        // What is left out is made up for below.
        let mut taps: Vec<Tap> = taps.filter(|tap| tap.weight > 2e-3).collect();
        let total: f32 = taps.iter().map(|tap| tap.weight).sum();
        taps.iter_mut().for_each(|tap| tap.weight /= total);
        Self { radius, taps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::testing::{dot, moments};

    #[test]
    fn a_dot_becomes_a_line_around_its_position() {
        for angle in [0.0f32, 0.7, 1.571, -2.5] {
            let mut raster = dot(48, 3, 20, 27);
            let blur = MotionBlur { length: 0.2, angle };
            blur.apply(&mut raster);
            let [sum, x, y] = moments(&raster);
            assert!((sum - 1.0).abs() < 1e-3);
            let off = (x - 20.0).abs().max((y - 27.0).abs());
            assert!(off < 0.05, "{off} px at {angle}");
            let along = |(i, v): (usize, &f32)| {
                let (x, y) = ((i % 48) as f32 - 20.0, (i / 48) as f32 - 27.0);
                v * (x * angle.cos() + y * angle.sin()).powi(2)
            };
            let red = raster.data.iter().step_by(3);
            let variance: f32 = red.enumerate().map(along).sum();
            // A line of length l has the variance l² / 12.
            let length = (12.0 * variance).sqrt();
            assert!((length - 9.6).abs() < 1.0, "{length} px at {angle}");
        }
    }
}
