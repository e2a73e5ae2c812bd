//! Darker corners.

use crate::raster::Raster;

/// The fall-off of the light toward the corners of the lens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vignette {
    /// Fraction of the light that is lost at a distance of 0.7 sides from the center; 0 is none.
    pub strength: f32,
    /// Position of the center relative to the middle of the image, as fractions of the side: crops
    /// do not lie in the middle of their photograph.
    pub center: [f32; 2],
}

impl Vignette {
    /// No fall-off.
    pub const NONE: Self = Self {
        strength: 0.0,
        center: [0.0; 2],
    };

    /// Darkens linear light.
    pub(super) fn apply(&self, raster: &mut Raster) {
        if self.strength <= 0.0 {
            return;
        }
        // 1 / (1 + k r²)², an approximation of the law of cos⁴ of the angle to the axis.
        let remaining = (1.0 - self.strength).max(0.02);
        let k = (1.0 / remaining.sqrt() - 1.0) / 0.49;
        let (size, channels) = (raster.size, raster.channels);
        let step = 1.0 / size as f32;
        let squared = |i: usize, center: f32| ((i as f32 + 0.5) * step - 0.5 - center).powi(2);
        let across: Vec<f32> = (0..size * channels)
            .map(|i| k * squared(i / channels, self.center[0]))
            .collect();
        let len = raster.row_len();
        for (y, row) in raster.data.chunks_exact_mut(len).enumerate() {
            let down = 1.0 + k * squared(y, self.center[1]);
            for (value, across) in row.iter_mut().zip(&across) {
                let denominator = down + across;
                *value /= denominator * denominator;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_center_keeps_its_light_and_the_corner_loses_the_stated_fraction() {
        let mut raster = Raster::zeros(101, 3);
        raster.data.fill(0.8);
        let vignette = Vignette {
            strength: 0.5,
            center: [0.0; 2],
        };
        vignette.apply(&mut raster);
        let at = |x: usize, y: usize| raster.data[(y * 101 + x) * 3] / 0.8;
        assert!((at(50, 50) - 1.0).abs() < 1e-5);
        assert!((at(0, 0) - 0.5).abs() < 0.01, "{}", at(0, 0));
        assert!((at(0, 50) - at(100, 50)).abs() < 1e-5 && at(0, 50) > at(0, 0));
    }
}
