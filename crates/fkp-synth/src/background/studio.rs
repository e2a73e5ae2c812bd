//! Backdrops of studios, and curtains.

use super::canvas::{Canvas, between, blend, scaled};
use super::dice::Dice;
use super::field::Fractal;
use super::geometry::{Area, Color};
use super::surface::Mottle;

/// Two colors that change into each other across the whole image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gradient {
    /// Colors at the two ends.
    pub colors: [Color; 2],
    /// Direction in radians; 0 is from left to right, π/2 from top to bottom.
    pub angle: f32,
}

impl Gradient {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.angle.sin_cos();
        // From corner to corner.
        let scale = 1.0 / (sin.abs() + cos.abs());
        canvas.each(|[x, y], pixel| {
            let t = 0.5 + scale * ((x - 0.5) * cos + (y - 0.5) * sin);
            *pixel = between(self.colors[0], self.colors[1], t);
        });
    }
}

/// A canvas or a roll of paper with a lamp on it, or a plain wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backdrop {
    /// Color in the middle of the light.
    pub color: Color,
    /// Color far from the light.
    pub edge: Color,
    /// Middle of the light.
    pub center: [f32; 2],
    /// Distance at which half of the way to `edge` is gone.
    pub radius: f32,
    /// Amplitude of mottled paint as a fraction of the color.
    pub mottle: f32,
}

impl Backdrop {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let [cx, cy] = self.center;
        let inverse = 1.0 / (self.radius * self.radius);
        canvas.each(|[x, y], pixel| {
            let r2 = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) * inverse;
            *pixel = between(self.edge, self.color, 1.0 / (1.0 + r2));
        });
        if self.mottle > 0.0 {
            let mottle = Mottle {
                amount: self.mottle,
                cells: [3.0, 2.5],
                roughness: 0.6,
            };
            mottle.paint(canvas, dice);
        }
    }
}

/// A curtain or drape with vertical folds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curtain {
    /// Where it hangs.
    pub area: Area,
    /// Color in full light.
    pub color: Color,
    /// Number of folds per side.
    pub folds: f32,
    /// Depth of the folds: how dark they are, 0 to 1.
    pub depth: f32,
    /// Strength of a woven ornament, 0 to 1.
    pub ornament: f32,
}

impl Curtain {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let folds = Fractal {
            cells: [2.0 * self.folds, 0.8],
            octaves: 2,
            gain: 0.5,
        };
        let folds = folds.values(canvas.size, dice);
        let ornament = Fractal {
            cells: [1.2 * self.folds + 4.0, 1.2 * self.folds + 4.0],
            octaves: if self.ornament > 0.0 { 2 } else { 0 },
            gain: 0.7,
        };
        let ornament = ornament.values(canvas.size, dice);
        let (rows, columns) = (
            canvas.pixels_between(self.area.top, self.area.bottom),
            canvas.pixels_between(self.area.left, self.area.right),
        );
        for y in rows {
            let down = canvas.covered(y, self.area.top, self.area.bottom);
            for x in columns.clone() {
                let index = y * canvas.size + x;
                // The parts that face the light are wide, those between them narrow and dark.
                let light =
                    1.0 - self.depth * (0.3 - 0.7 * folds[index] + 0.2 * folds[index].abs());
                let thread = (6.0 * ornament[index].abs() - 0.8).clamp(0.0, 1.0) - 0.5;
                let shade = light.max(0.06) * (1.0 + self.ornament * thread);
                let alpha = down * canvas.covered(x, self.area.left, self.area.right);
                blend(
                    &mut canvas.pixels_mut()[index],
                    scaled(self.color, shade),
                    alpha,
                );
            }
        }
    }
}
