//! Irregular surfaces.

use super::canvas::{Canvas, scaled};
use super::dice::Dice;
use super::field::Fractal;

/// Stains, shadows and small relief on everything painted before: without them flat areas look
/// drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mottle {
    /// Amplitude as a fraction of the color.
    pub amount: f32,
    /// Number of the largest stains along x and y.
    pub cells: [f32; 2],
    /// Amplitude of stains of half the size relative to those of the full size.
    pub roughness: f32,
}

impl Mottle {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let fractal = Fractal {
            cells: self.cells,
            octaves: 6,
            gain: self.roughness,
        };
        let values = fractal.values(canvas.size, dice);
        for (pixel, value) in canvas.pixels_mut().iter_mut().zip(values) {
            *pixel = scaled(*pixel, (1.0 + self.amount * value).max(0.15));
        }
    }
}
