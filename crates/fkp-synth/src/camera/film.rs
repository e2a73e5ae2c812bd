//! Looks of old prints: grain and brown tones.

use crate::raster::{NormalStream, Raster, gaussian};

/// The tone of a sepia print: the color of a middle gray.
const SEPIA: [f32; 3] = [1.16, 1.0, 0.72];

/// An old print.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Film {
    /// Standard deviation of the grain at middle gray, where white is 1.
    pub grain: f32,
    /// Size of the grain: standard deviation of its blur in pixels.
    pub grain_px: f32,
    /// Strength of the brown tone, 0 to 1. A gray image stays gray.
    pub sepia: f32,
}

impl Film {
    /// Neither grain nor tone.
    pub const NONE: Self = Self {
        grain: 0.0,
        grain_px: 0.6,
        sepia: 0.0,
    };

    /// Adds grain, strongest at middle gray.
    pub(super) fn add_grain(&self, raster: &mut Raster, seed: u32) {
        if self.grain <= 0.0 {
            return;
        }
        let mut grain = Raster::zeros(raster.size, 1);
        NormalStream::new(seed ^ 0x5bd1_e995).fill(&mut grain.data);
        gaussian(&mut grain, self.grain_px);
        let square = grain.data.iter().map(|v| v * v).sum::<f32>() / grain.data.len() as f32;
        let strength = 4.0 * self.grain / square.sqrt().max(1e-6);
        let pixels = raster.data.chunks_exact_mut(raster.channels);
        for (pixel, grain) in pixels.zip(&grain.data) {
            for value in pixel {
                *value += strength * grain * *value * (1.0 - *value);
            }
        }
    }

    /// The color of the print for a gray value in [0, 1].
    pub(super) fn print(&self, gray: f32) -> [f32; 3] {
        // Black and white have no tone.
        let tone = self.sepia * 4.0 * gray * (1.0 - gray);
        SEPIA.map(|tint| gray * (1.0 + tone * (tint - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_has_the_stated_strength_at_middle_gray_and_none_in_black() {
        let film = Film {
            grain: 0.05,
            grain_px: 0.9,
            sepia: 0.0,
        };
        let deviation = |gray: f32| {
            let mut raster = Raster::zeros(64, 3);
            raster.data.fill(gray);
            film.add_grain(&mut raster, 3);
            let square: f32 = raster.data.iter().map(|v| (v - gray).powi(2)).sum();
            (square / raster.data.len() as f32).sqrt()
        };
        assert!((deviation(0.5) - 0.05).abs() < 0.003);
        assert!(deviation(0.0) < 1e-6 && deviation(0.9) < 0.03);
    }

    #[test]
    fn sepia_is_brown_and_leaves_black_and_white() {
        let film = Film {
            sepia: 1.0,
            ..Film::NONE
        };
        assert_eq!(film.print(0.0), [0.0; 3]);
        assert_eq!(film.print(1.0), [1.0; 3]);
        let [r, g, b] = film.print(0.5);
        assert!(r > g + 0.05 && g > b + 0.05);
        assert_eq!(Film::NONE.print(0.4), [0.4; 3]);
    }
}
