//! What stands outdoors.

use super::canvas::{Canvas, between, blend, scaled};
use super::dice::Dice;
use super::field::Fractal;
use super::geometry::{Area, Color};
use crate::math::smoothstep;

/// The sky down to the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sky {
    /// y of the horizon.
    pub horizon: f32,
    /// Color at the top of the image.
    pub zenith: Color,
    /// Color at the horizon.
    pub haze: Color,
    /// Cloud cover, 0 to 1.
    pub clouds: f32,
}

impl Sky {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let fractal = Fractal {
            cells: [2.0, 4.5],
            octaves: if self.clouds > 0.0 { 4 } else { 0 },
            gain: 0.55,
        };
        let clouds = fractal.values(canvas.size, dice);
        let white = scaled([1.0, 0.99, 0.97], 1.1 * self.haze[1].max(0.3));
        let mut values = clouds.iter();
        canvas.each(|[_, y], pixel| {
            let t = (y / self.horizon.max(0.05)).min(1.0);
            *pixel = between(self.zenith, self.haze, t * t);
            let value = values.next().copied().unwrap_or(0.0);
            if self.clouds > 0.0 {
                let cover = smoothstep(1.0 - 2.0 * self.clouds, 1.6 - 2.0 * self.clouds, value);
                let gray = 0.9 + 0.25 * value;
                blend(pixel, scaled(white, gray), 0.9 * cover);
            }
        });
    }
}

/// Leaves of trees, hedges or a lawn: noise of several scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foliage {
    /// y of the upper edge, which is irregular.
    pub top: f32,
    /// y of the lower edge.
    pub bottom: f32,
    /// How irregular the upper edge is, as a fraction of the side.
    pub ragged: f32,
    /// Colors in the shadow and in the light.
    pub colors: [Color; 2],
    /// Number of the largest clumps along the side.
    pub clumps: f32,
    /// Fraction of gaps with light from behind.
    pub gaps: f32,
    /// Light in the gaps.
    pub behind: Color,
}

impl Foliage {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let fractal = |cells: f32, octaves| Fractal {
            cells: [cells, cells],
            octaves,
            gain: 0.75,
        };
        let leaves = fractal(self.clumps, 5).values(canvas.size, dice);
        let hues = fractal(3.0, 2).values(canvas.size, dice);
        let edge = fractal(4.0, 4).values(canvas.size, dice);
        let size = canvas.size;
        let px = 1.0 / size as f32;
        for y in canvas.pixels_between(self.top - 2.0 * self.ragged, self.bottom) {
            let down = canvas.covered(y, -1.0, self.bottom);
            for x in 0..size {
                let index = y * size + x;
                let below = canvas.position(y) - self.top + self.ragged * edge[index];
                let cover = (0.5 + below / px).clamp(0.0, 1.0) * down;
                if cover <= 0.0 {
                    continue;
                }
                let (leaf, hue) = (leaves[index], hues[index]);
                // Sunlit leaves are few and bright.
                let light = smoothstep(-0.9, 1.1, leaf + 0.3 * hue);
                let mut color = between(self.colors[0], self.colors[1], light * light);
                let glint = smoothstep(0.9, 1.8, leaf);
                color = scaled(color, 1.0 + 1.6 * glint);
                color[0] *= 1.0 + 0.35 * hue;
                let threshold = 1.7 - 2.4 * self.gaps;
                let gap = smoothstep(threshold, threshold + 0.35, -leaf + 0.5 * hue);
                color = between(color, self.behind, gap);
                blend(&mut canvas.pixels_mut()[index], color, cover);
            }
        }
    }
}

/// A building with rows of windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Building {
    /// Its facade.
    pub area: Area,
    /// Color of the walls.
    pub wall: Color,
    /// Color of the glass: the sky that it reflects.
    pub glass: Color,
    /// Windows along x and y.
    pub windows: [u32; 2],
    /// Height and width of a window as fractions of its cell.
    pub window_size: [f32; 2],
    /// Fraction of windows with a lamp behind them.
    pub lit: f32,
}

impl Building {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let wall = self.wall;
        canvas.shaded_rectangle(self.area, 1.0, |[x, _]| {
            scaled(wall, 1.1 - 0.2 * (x - self.area.left) / self.area.width())
        });
        let [columns, rows] = self.windows;
        let [width, height] = self.window_size;
        for row in 0..rows {
            for column in 0..columns {
                let cell = self.area.part(
                    column as f32 / columns as f32,
                    row as f32 / rows as f32,
                    (column + 1) as f32 / columns as f32,
                    (row + 1) as f32 / rows as f32,
                );
                let (mx, my) = (0.5 * (1.0 - width), 0.5 * (1.0 - height));
                let window = cell.part(mx, my, 1.0 - mx, 1.0 - my);
                let glass = scaled(self.glass, dice.uniform(0.15, 1.2));
                let lamp = scaled([1.0, 0.75, 0.4], dice.uniform(0.3, 1.2));
                let is_lit = dice.unit() < self.lit;
                canvas.rectangle(window, 1.0, if is_lit { lamp } else { glass });
                let sill = cell.part(mx, 1.0 - my, 1.0 - mx, 1.04 - my);
                canvas.rectangle(sill, 0.7, scaled(wall, 1.4));
            }
        }
    }
}

/// Pavement, lawn, sand or water up to the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// y of the horizon.
    pub top: f32,
    /// Color at the horizon.
    pub far: Color,
    /// Color at the bottom of the image.
    pub near: Color,
    /// Amplitude of its texture as a fraction of the color.
    pub texture: f32,
}

impl Ground {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let fractal = Fractal {
            cells: [5.0, 16.0],
            octaves: 3,
            gain: 0.8,
        };
        let values = fractal.values(canvas.size, dice);
        let size = canvas.size;
        for y in canvas.pixels_between(self.top, 1.0) {
            let covered = canvas.covered(y, self.top, 1.0);
            let t = (canvas.position(y) - self.top) / (1.0 - self.top).max(0.01);
            let color = between(self.far, self.near, t.clamp(0.0, 1.0));
            for x in 0..size {
                let index = y * size + x;
                let shade = (1.0 + self.texture * values[index]).max(0.1);
                blend(
                    &mut canvas.pixels_mut()[index],
                    scaled(color, shade),
                    covered,
                );
            }
        }
    }
}
