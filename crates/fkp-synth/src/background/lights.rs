//! Lights and their fall-off.

use super::canvas::{Canvas, Oval, between, scaled};
use super::dice::Dice;
use super::geometry::{Area, Color};
use crate::math::falloff;

/// Lights out of focus: discs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bokeh {
    /// Where they are.
    pub area: Area,
    /// Their number.
    pub count: u32,
    /// Range of their radius.
    pub radius: [f32; 2],
    /// Their colors.
    pub colors: [Color; 3],
    /// Strength of a brighter rim, 0 to 1.
    pub rim: f32,
}

impl Bokeh {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        for _ in 0..self.count {
            let center = self.area.at(dice.unit(), dice.unit());
            let radius = dice.uniform(self.radius[0], self.radius[1]);
            let color = scaled(
                dice.pick(&self.colors),
                0.2 + 0.8 * dice.unit() * dice.unit(),
            );
            let disc = |radius: f32| Oval {
                center,
                radii: [radius; 2],
                softness: 0.12,
            };
            canvas.light(disc(radius), color);
            if self.rim > 0.0 {
                canvas.light(disc(radius), scaled(color, 0.6 * self.rim));
                canvas.light(disc(0.86 * radius), scaled(color, -0.6 * self.rim));
            }
        }
    }
}

/// A soft spot of light on a wall, in smoke or through cloth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glow {
    /// Its center.
    pub center: [f32; 2],
    /// Where it ends along x and y.
    pub radii: [f32; 2],
    /// Light in the center.
    pub color: Color,
}

impl Glow {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let [cx, cy] = self.center;
        let [rx, ry] = self.radii;
        let (rows, columns) = (
            canvas.pixels_between(cy - ry, cy + ry),
            canvas.pixels_between(cx - rx, cx + rx),
        );
        let inverse = self.radii.map(|radius| 1.0 / radius.max(1e-3));
        for y in rows {
            let dy = (canvas.position(y) - cy) * inverse[1];
            for x in columns.clone() {
                let dx = (canvas.position(x) - cx) * inverse[0];
                let strength = falloff(dx * dx + dy * dy);
                let index = y * canvas.size + x;
                let pixel = &mut canvas.pixels_mut()[index];
                for (value, light) in pixel.iter_mut().zip(self.color) {
                    *value += strength * light;
                }
            }
        }
    }
}

/// A beam of a spotlight, which becomes wider with the distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beam {
    /// The lamp.
    pub from: [f32; 2],
    /// Direction in radians; π/2 is downward.
    pub angle: f32,
    /// Half the width at a distance of one side.
    pub spread: f32,
    /// Light at the lamp.
    pub color: Color,
}

impl Beam {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.angle.sin_cos();
        let [x0, y0] = self.from;
        canvas.each(|[x, y], pixel| {
            let along = (x - x0) * cos + (y - y0) * sin;
            let across = (y - y0) * cos - (x - x0) * sin;
            let width = 0.01 + self.spread * along;
            let t = 1.0 - (across * across) / (width * width);
            if along > 0.0 && t > 0.0 {
                let strength = t * t / (1.0 + 2.0 * along);
                for (value, light) in pixel.iter_mut().zip(self.color) {
                    *value += strength * light;
                }
            }
        });
    }
}

/// Uneven light on everything painted before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shade {
    /// Direction to the light in radians; −π/2 is above.
    pub angle: f32,
    /// Factors at the side of the light and at the opposite side.
    pub colors: [Color; 2],
}

impl Shade {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.angle.sin_cos();
        let scale = 1.0 / (sin.abs() + cos.abs());
        canvas.each(|[x, y], pixel| {
            let t = 0.5 - scale * ((x - 0.5) * cos + (y - 0.5) * sin);
            let factor = between(self.colors[0], self.colors[1], t);
            for (value, factor) in pixel.iter_mut().zip(factor) {
                *value *= factor;
            }
        });
    }
}
