//! Regular patterns, and single bars.

use super::canvas::{Canvas, between, blend, scaled};
use super::dice::Dice;
use super::field::Fractal;
use super::geometry::{Area, Color};
use crate::math::smoothstep;

/// Stripes over the whole image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stripes {
    /// Their two colors.
    pub colors: [Color; 2],
    /// Width of a pair of stripes.
    pub period: f32,
    /// Direction across the stripes in radians; 0 gives vertical stripes.
    pub angle: f32,
    /// Fraction of the period that has the second color.
    pub duty: f32,
}

impl Stripes {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let phase = dice.unit();
        let (sin, cos) = self.angle.sin_cos();
        let width = Wave::new(self.period, self.duty, canvas.size);
        canvas.each(|[x, y], pixel| {
            let second = width.at(x * cos + y * sin + phase);
            *pixel = between(self.colors[0], self.colors[1], second);
        });
    }
}

/// Checks or tiles over the whole image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checks {
    /// Color of the fields, of every second field, and of the joints.
    pub colors: [Color; 3],
    /// Width of two fields.
    pub period: f32,
    /// Rotation in radians.
    pub angle: f32,
}

impl Checks {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let phase = [dice.unit(), dice.unit()];
        let (sin, cos) = self.angle.sin_cos();
        let fields = Wave::new(self.period, 0.5, canvas.size);
        let joints = Wave::new(0.5 * self.period, 0.06, canvas.size);
        canvas.each(|[x, y], pixel| {
            let u = x * cos + y * sin + phase[0];
            let v = y * cos - x * sin + phase[1];
            let (a, b) = (fields.at(u), fields.at(v));
            let second = a + b - 2.0 * a * b;
            let joint = joints.at(u).max(joints.at(v));
            let color = between(self.colors[0], self.colors[1], second);
            *pixel = between(color, self.colors[2], joint);
        });
    }
}

/// A square wave with edges as wide as a pixel.
#[derive(Debug, Clone, Copy)]
struct Wave {
    inverse: f32,
    half_duty: f32,
    /// A pixel in periods.
    pixel: f32,
}

impl Wave {
    fn new(period: f32, duty: f32, size: usize) -> Self {
        let inverse = 1.0 / period.max(1e-3);
        Self {
            inverse,
            half_duty: 0.5 * duty,
            pixel: inverse / size as f32,
        }
    }

    /// 1 in the middle of each period, 0 at its ends. The position is not far below 0.
    fn at(&self, position: f32) -> f32 {
        let phase = (position + 64.0) * self.inverse;
        let from_middle = (phase - (phase as i32) as f32 - 0.5).abs();
        (0.5 + (self.half_duty - from_middle) / self.pixel).clamp(0.0, 1.0)
    }
}

/// A wall of bricks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bricks {
    /// Where the wall is.
    pub area: Area,
    /// Color of the bricks.
    pub color: Color,
    /// Color of the mortar.
    pub mortar: Color,
    /// Height of a row as a fraction of the side.
    pub row: f32,
}

impl Bricks {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        canvas.rectangle(self.area, 1.0, self.mortar);
        let (height, width) = (self.row.max(0.02), 3.0 * self.row.max(0.02));
        let rows = (self.area.height() / height).ceil().min(64.0) as u32;
        let columns = (self.area.width() / width).ceil().min(64.0) as u32 + 1;
        for row in 0..rows {
            let top = self.area.top + row as f32 * height;
            let shift = 0.5 * width * (row % 2) as f32;
            for column in 0..columns {
                let left = self.area.left + column as f32 * width - shift;
                let tint = dice.uniform(0.65, 1.25);
                let brick = Area::new(
                    left.max(self.area.left),
                    top,
                    (left + 0.94 * width).min(self.area.right),
                    (top + 0.84 * height).min(self.area.bottom),
                );
                canvas.rectangle(brick, 1.0, scaled(self.color, tint));
            }
        }
    }
}

/// Boards of wood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boards {
    /// Where they are.
    pub area: Area,
    /// Color.
    pub color: Color,
    /// Number of vertical boards.
    pub count: u32,
    /// Contrast of the grain, 0 to 1.
    pub grain: f32,
}

impl Boards {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let fractal = Fractal {
            cells: [14.0, 1.5],
            octaves: 3,
            gain: 0.7,
        };
        let grain = fractal.values(canvas.size, dice);
        let count = self.count.max(1);
        for k in 0..count {
            let board = self.area.part(
                k as f32 / count as f32,
                0.0,
                (k + 1) as f32 / count as f32,
                1.0,
            );
            let tint = dice.uniform(0.8, 1.15);
            let size = canvas.size;
            canvas.shaded_rectangle(board, 1.0, |[x, y]| {
                let pixel = (y * size as f32) as usize * size + (x * size as f32) as usize;
                let value = grain.get(pixel).copied().unwrap_or(0.0);
                scaled(self.color, tint * (1.0 + 0.4 * self.grain * value))
            });
            let joint = Area {
                right: board.left + 0.006,
                ..board
            };
            canvas.rectangle(joint, 1.0, scaled(self.color, 0.25));
        }
    }
}

/// A bar at any angle: a post, a trunk, a pipe, an arm of a chair, a band of paint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Its center.
    pub center: [f32; 2],
    /// Half its length and width.
    pub half_size: [f32; 2],
    /// Direction of its length in radians; 0 is horizontal.
    pub angle: f32,
    /// Color.
    pub color: Color,
    /// 0 for a flat bar, 1 for a round one with a dark side.
    pub roundness: f32,
}

impl Bar {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.angle.sin_cos();
        let px = 1.0 / canvas.size as f32;
        let [length, width] = self.half_size;
        let inverse = 1.0 / width.max(1e-4);
        let extent = [
            length * cos.abs() + width * sin.abs() + px,
            length * sin.abs() + width * cos.abs() + px,
        ];
        let [cx, cy] = self.center;
        let size = canvas.size;
        for y in canvas.pixels_between(cy - extent[1], cy + extent[1]) {
            for x in canvas.pixels_between(cx - extent[0], cx + extent[0]) {
                let (dx, dy) = (canvas.position(x) - cx, canvas.position(y) - cy);
                let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
                let outside = (along.abs() - length).max(across.abs() - width);
                let cover = (0.5 - outside / px).clamp(0.0, 1.0);
                if cover > 0.0 {
                    let t = (across * inverse).clamp(-1.0, 1.0);
                    let shade = 1.0 - self.roundness * smoothstep(-0.4, 1.0, t) * 0.8;
                    let pixel = &mut canvas.pixels_mut()[y * size + x];
                    blend(pixel, scaled(self.color, shade), cover);
                }
            }
        }
    }
}
