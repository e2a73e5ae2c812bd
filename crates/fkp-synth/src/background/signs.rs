//! Writing, logos, posters and screens.

use super::canvas::{Canvas, Oval, between, scaled};
use super::dice::Dice;
use super::geometry::{Area, Color};

/// Lines of writing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Text {
    /// Where the lines are.
    pub area: Area,
    /// Color of the letters.
    pub color: Color,
    /// Number of lines.
    pub lines: u32,
    /// Thickness of the strokes as a fraction of the height of a letter.
    pub weight: f32,
}

impl Text {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let lines = self.lines.max(1);
        for line in 0..lines {
            let top = line as f32 / lines as f32;
            let row = self.area.part(0.0, top, 1.0, top + 0.62 / lines as f32);
            let height = row.height();
            // Lines that are too low to be seen, which would have letters without end.
            if height.is_nan() || height < 1e-4 {
                continue;
            }
            let mut x = row.left;
            let end = row.right - row.width() * dice.unit() * 0.35;
            while x + 0.5 * height < end {
                let width = height * dice.uniform(0.45, 0.75);
                if dice.unit() > 0.16 {
                    let letter = Area::new(x, row.top, x + width, row.bottom);
                    glyph(canvas, letter, self.weight * height, self.color, dice);
                }
                x += width + 0.22 * height;
            }
        }
    }
}

/// A letter of two to four strokes along the edges and the middle of an area.
fn glyph(canvas: &mut Canvas, area: Area, stroke: f32, color: Color, dice: &mut Dice) {
    let middle = 0.5 * (area.top + area.bottom - stroke);
    let center = 0.5 * (area.left + area.right - stroke);
    let horizontal = |top: f32| Area {
        top,
        bottom: top + stroke,
        ..area
    };
    let vertical = |left: f32| Area {
        left,
        right: left + stroke,
        ..area
    };
    let strokes = [
        vertical(area.left),
        vertical(area.right - stroke),
        vertical(center),
        horizontal(area.top),
        horizontal(area.bottom - stroke),
        horizontal(middle),
    ];
    // E, F, H, T, L, C or D, O, n, I.
    let shapes = [0b11_1001, 0b10_1001, 0b10_0011, 0b00_1100, 0b01_0001];
    let more = [0b01_1001, 0b01_1011, 0b00_1011, 0b00_0100, 0b11_1010];
    let shape = if dice.unit() < 0.5 {
        dice.pick(&shapes)
    } else {
        dice.pick(&more)
    };
    for (k, stroke) in strokes.iter().enumerate() {
        if shape >> k & 1 == 1 {
            canvas.rectangle(*stroke, 1.0, color);
        }
    }
}

/// A wall with the logos of sponsors, as at press conferences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogoWall {
    /// Color of the wall.
    pub wall: Color,
    /// Colors of the two logos.
    pub inks: [Color; 2],
    /// Height of a row of logos as a fraction of the side.
    pub row: f32,
}

impl LogoWall {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        canvas.rectangle(Area::ALL, 1.0, self.wall);
        let height = self.row.max(0.05);
        let width = height * dice.uniform(1.6, 2.6);
        let phase = [dice.unit(), dice.unit()];
        let seeds = [dice.bits(), dice.bits()];
        let rows = (1.0 / height).ceil() as u32 + 1;
        let columns = (1.0 / width).ceil() as u32 + 1;
        for row in 0..rows {
            for column in 0..columns {
                let kind = ((row + column) % 2) as usize;
                let left = (column as f32 - phase[0]) * width;
                let top = (row as f32 - phase[1]) * height;
                let cell = Area::new(left, top, left + width, top + height);
                self.logo(canvas, cell.part(0.14, 0.24, 0.86, 0.76), kind, seeds[kind]);
            }
        }
    }

    /// A logo is the same in every cell, because its seed is.
    fn logo(&self, canvas: &mut Canvas, area: Area, kind: usize, seed: u32) {
        let mut dice = Dice::new(seed);
        let (ink, height) = (self.inks[kind], area.height());
        let symbol = dice.unit();
        let mut text = area;
        if symbol < 0.65 {
            let oval = Oval {
                center: [area.left + 0.5 * height, area.top + 0.5 * height],
                radii: [0.5 * height, 0.5 * height],
                softness: 0.02,
            };
            canvas.ellipse(oval, 1.0, |_| ink);
            if symbol < 0.4 {
                let inner = Oval {
                    radii: [0.28 * height; 2],
                    ..oval
                };
                canvas.ellipse(inner, 1.0, |_| self.wall);
            }
            text.left += 1.25 * height;
        } else if symbol < 0.8 {
            canvas.rectangle(area, 1.0, ink);
        }
        let inverted = (0.65..0.8).contains(&symbol);
        let (top, bottom) = (dice.uniform(0.1, 0.3), dice.uniform(0.75, 1.0));
        Text {
            area: text.part(0.06, top, 0.96, bottom),
            color: if inverted { self.wall } else { ink },
            lines: 1 + dice.bits() % 2,
            weight: dice.uniform(0.16, 0.3),
        }
        .paint(canvas, &mut dice);
    }
}

/// A poster, banner, notice or framed image on a wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Poster {
    /// Its outer edge.
    pub area: Area,
    /// Color of the frame or margin.
    pub frame: Color,
    /// Width of the frame.
    pub margin: f32,
    /// Colors of its surface: ground, shapes, letters.
    pub colors: [Color; 3],
    /// Number of lines of writing; 0 is none.
    pub lines: u32,
}

impl Poster {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let shadow = Area::new(
            self.area.left + 0.006,
            self.area.top + 0.01,
            self.area.right + 0.012,
            self.area.bottom + 0.015,
        );
        canvas.rectangle(shadow, 0.35, [0.0; 3]);
        canvas.rectangle(self.area, 1.0, self.frame);
        let sheet = self.area.inset(self.margin);
        let [ground, shapes, letters] = self.colors;
        canvas.rectangle(sheet, 1.0, ground);
        for _ in 0..4 {
            let (x, y) = (dice.uniform(0.1, 0.7), dice.uniform(0.1, 0.7));
            let (w, h) = (dice.uniform(0.1, 0.3), dice.uniform(0.1, 0.3));
            let color = between(ground, shapes, dice.uniform(0.3, 1.0));
            canvas.rectangle(sheet.part(x, y, x + w, y + h), 1.0, color);
        }
        if self.lines > 0 {
            let top = dice.uniform(0.08, 0.6);
            Text {
                area: sheet.part(0.08, top, 0.95, top + 0.32),
                color: letters,
                lines: self.lines,
                weight: dice.uniform(0.15, 0.28),
            }
            .paint(canvas, dice);
        }
    }
}

/// A screen or an illuminated panel of a television studio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screen {
    /// Its outer edge.
    pub area: Area,
    /// Light at the top left and at the bottom right.
    pub colors: [Color; 2],
    /// Light of its frame.
    pub frame: Color,
    /// Number of bands that cross it.
    pub bands: u32,
}

impl Screen {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        canvas.rectangle(self.area, 1.0, self.frame);
        let screen = self.area.inset(0.014);
        let [first, second] = self.colors;
        let bands: Vec<[f32; 3]> = (0..self.bands)
            .map(|_| {
                [
                    dice.uniform(-0.2, 1.2),
                    dice.uniform(0.03, 0.2),
                    dice.uniform(-0.5, 0.9),
                ]
            })
            .collect();
        let slope = dice.uniform(-0.8, 0.8);
        canvas.shaded_rectangle(screen, 1.0, |[x, y]| {
            let u = (x - screen.left) / screen.width();
            let v = (y - screen.top) / screen.height();
            let mut light = 1.0;
            for [at, width, strength] in &bands {
                let t = 1.0 - ((u + slope * v - at) / width).powi(2);
                light += strength * t.max(0.0);
            }
            scaled(between(first, second, 0.5 * (u + v)), light.max(0.1))
        });
    }
}
