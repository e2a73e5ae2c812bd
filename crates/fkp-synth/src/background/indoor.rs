//! What stands in a room.

use super::canvas::{Canvas, Oval, between, scaled};
use super::dice::Dice;
use super::geometry::{Area, Color};

/// A window with bars and a bright view, or a glass door.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its outer edge.
    pub area: Area,
    /// Panes along x and y.
    pub panes: [u32; 2],
    /// Color of the frame.
    pub frame: Color,
    /// Light of the view at the top and at the bottom.
    pub view: [Color; 2],
    /// Opacity of blinds, 0 to 1; 0 is none.
    pub blinds: f32,
}

impl Window {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let bar = 0.016 + 0.06 * self.area.width().min(self.area.height());
        canvas.rectangle(self.area, 1.0, self.frame);
        let view = self.area.inset(bar);
        let [top, bottom] = self.view;
        let skyline = dice.uniform(0.3, 0.8);
        canvas.shaded_rectangle(view, 1.0, |[_, y]| {
            let t = (y - view.top) / view.height();
            between(top, bottom, ((t - skyline) * 5.0 + 0.5).clamp(0.0, 1.0))
        });
        // Trees and houses.
        for _ in 0..5 {
            let center = view.at(dice.unit(), dice.uniform(0.55, 1.0));
            let reduced = scaled(bottom, dice.uniform(0.3, 1.1));
            let radii = [
                view.width() * dice.uniform(0.06, 0.25),
                view.height() * dice.uniform(0.06, 0.3),
            ];
            self.blob(canvas, view, center, radii, reduced);
        }
        if self.blinds > 0.0 {
            let count = (view.height() / 0.028).ceil().max(1.0);
            let light = scaled(self.frame, 1.3);
            for k in 0..count as u32 {
                let top = k as f32 / count;
                let slat = view.part(0.0, top, 1.0, top + 0.62 / count);
                canvas.rectangle(slat, self.blinds, light);
            }
        }
        let shade = scaled(self.frame, 0.72);
        for (axis, count) in self.panes.iter().enumerate() {
            for k in 1..*count {
                let t = k as f32 / *count as f32;
                let [x, y] = view.at(t, t);
                let half = 0.3 * bar;
                let cross = match axis {
                    0 => Area::new(x - half, view.top, x + half, view.bottom),
                    _ => Area::new(view.left, y - half, view.right, y + half),
                };
                canvas.rectangle(cross, 1.0, shade);
            }
        }
    }

    fn blob(&self, canvas: &mut Canvas, view: Area, at: [f32; 2], radii: [f32; 2], color: Color) {
        let part = Area::new(
            (at[0] - radii[0]).max(view.left),
            (at[1] - radii[1]).max(view.top),
            (at[0] + radii[0]).min(view.right),
            view.bottom,
        );
        canvas.rectangle(part, 0.8, color);
    }
}

/// A shelf with books.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shelf {
    /// Its outer edge.
    pub area: Area,
    /// Number of boards.
    pub rows: u32,
    /// Color of the wood.
    pub wood: Color,
    /// Colors of the books.
    pub books: [Color; 4],
    /// Fraction of the width that is filled.
    pub fullness: f32,
}

impl Shelf {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        canvas.rectangle(self.area, 1.0, scaled(self.wood, 0.25));
        let rows = self.rows.max(1);
        for row in 0..rows {
            let (top, bottom) = (row as f32 / rows as f32, (row + 1) as f32 / rows as f32);
            let bay = self.area.part(0.0, top, 1.0, bottom);
            self.row(canvas, bay, dice);
            let board = 0.012 + 0.03 * bay.height();
            let edge = Area {
                top: bay.bottom - board,
                ..bay
            };
            canvas.rectangle(edge, 1.0, self.wood);
        }
        let post = 0.02;
        for left in [self.area.left, self.area.right - post] {
            let side = Area {
                left,
                right: left + post,
                ..self.area
            };
            canvas.rectangle(side, 1.0, scaled(self.wood, 0.8));
        }
    }

    fn row(&self, canvas: &mut Canvas, bay: Area, dice: &mut Dice) {
        let mut left = bay.left + 0.02;
        // Volumes of one work have one size and color.
        let (mut rest, mut width, mut height, mut color) = (0, 0.0, 0.0, self.wood);
        while left < bay.right - 0.03 {
            if rest == 0 {
                rest = 1 + dice.bits() % 5;
                width = bay.height() * dice.uniform(0.06, 0.2);
                height = bay.height() * dice.uniform(0.55, 0.9);
                color = scaled(dice.pick(&self.books), dice.uniform(0.5, 1.4));
                if dice.unit() > self.fullness {
                    left += dice.uniform(0.02, 0.15);
                }
            }
            rest -= 1;
            let book = Area::new(left, bay.bottom - height, left + width, bay.bottom);
            let shade = dice.uniform(0.8, 1.1);
            // The spine is round, and a lamp is above.
            canvas.shaded_rectangle(book, 1.0, |[x, _]| {
                let t = 2.0 * (x - book.left) / width - 1.0;
                scaled(color, shade * (1.0 - 0.45 * t * t))
            });
            let label = dice.uniform(0.15, 0.6);
            if dice.unit() < 0.5 {
                let paper = [0.6, 0.55, 0.4];
                canvas.rectangle(book.part(0.1, label, 0.9, label + 0.14), 0.6, paper);
            }
            left += width + 0.002;
        }
    }
}

/// A door, a cupboard or a wall with panels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Panel {
    /// Its outer edge.
    pub area: Area,
    /// Color.
    pub color: Color,
    /// Recessed fields along x and y.
    pub fields: [u32; 2],
    /// Depth of the relief: contrast of its edges, 0 to 1.
    pub relief: f32,
}

impl Panel {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let [columns, rows] = self.fields.map(|count| count.max(1));
        let dark = scaled(self.color, 1.0 - 0.7 * self.relief);
        let light = scaled(self.color, 1.0 + 0.5 * self.relief);
        canvas.rectangle(self.area, 1.0, dark);
        canvas.rectangle(self.area.inset(0.006), 1.0, self.color);
        let margin = 0.16 * (self.area.width() / columns as f32).min(self.area.height());
        for column in 0..columns {
            for row in 0..rows {
                let edge = |k: u32, count: u32| k as f32 / count as f32;
                let field = self.area.part(
                    edge(column, columns),
                    edge(row, rows),
                    edge(column + 1, columns),
                    edge(row + 1, rows),
                );
                let field = field.inset(margin);
                canvas.rectangle(field, 1.0, dark);
                let shifted = Area::new(
                    field.left + 0.008,
                    field.top + 0.012,
                    field.right,
                    field.bottom,
                );
                canvas.rectangle(shifted, 1.0, light);
                canvas.rectangle(field.inset(0.01), 1.0, scaled(self.color, 0.96));
            }
        }
    }
}

/// A lamp with a shade, and its glow on the wall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lamp {
    /// Center of the shade.
    pub center: [f32; 2],
    /// Half the width of the shade.
    pub radius: f32,
    /// Light of the shade.
    pub color: Color,
}

impl Lamp {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let Self {
            center: [x, y],
            radius,
            color,
        } = *self;
        let glow = |center: [f32; 2], size: f32| Oval {
            center,
            radii: [size * radius, 1.1 * size * radius],
            softness: 2.0,
        };
        canvas.light(glow([x, y - 1.2 * radius], 3.0), scaled(color, 0.12));
        canvas.light(glow([x, y], 2.0), scaled(color, 0.15));
        // The shade is a trapezoid, the stand a bar.
        let stand = Area::new(x - 0.1 * radius, y, x + 0.1 * radius, y + 3.0 * radius);
        canvas.rectangle(stand, 1.0, scaled(color, 0.06));
        let steps = 6;
        for k in 0..steps {
            let t = k as f32 / steps as f32;
            let half = radius * (0.6 + 0.4 * t);
            let top = y + radius * (1.4 * t - 0.7);
            let slice = Area::new(x - half, top, x + half, top + 1.4 * radius / steps as f32);
            canvas.rectangle(slice, 1.0, scaled(color, 0.75 + 0.25 * t));
        }
    }
}

/// Things that cannot be named once they are out of focus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clutter {
    /// Where they are.
    pub area: Area,
    /// Their number.
    pub count: u32,
    /// Their colors.
    pub colors: [Color; 4],
    /// Size of the largest.
    pub size: f32,
}

impl Clutter {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        for _ in 0..self.count {
            let x = self.area.left + self.area.width() * dice.unit();
            let size = self.size * (0.3 + 0.7 * dice.unit() * dice.unit());
            let slender = dice.uniform(0.25, 1.0);
            let radii = if dice.unit() < 0.6 {
                [size * slender, size]
            } else {
                [size, size * slender]
            };
            // Most things stand at the lower edge.
            let raised = self.area.height() * dice.unit() * dice.unit() * dice.unit();
            let center = [x, self.area.bottom - 0.9 * radii[1] - raised];
            let color = scaled(dice.pick(&self.colors), dice.uniform(0.5, 1.3));
            let side = dice.uniform(-0.35, 0.35);
            if dice.unit() < 0.6 {
                let [x, y] = center;
                let thing = Area::new(x - radii[0], y - radii[1], x + radii[0], y + radii[1]);
                canvas.shaded_rectangle(thing, 1.0, |[px, py]| {
                    let (dx, dy) = ((px - x) / radii[0], (py - y) / radii[1]);
                    scaled(color, 1.0 + side * dx - 0.2 * dy)
                });
                let top = Area {
                    bottom: thing.top + 0.1 * radii[1],
                    ..thing
                };
                canvas.rectangle(top, 0.6, scaled(color, 1.6));
            } else {
                let oval = Oval {
                    center,
                    radii,
                    softness: 0.1,
                };
                canvas.ellipse(oval, 1.0, |[dx, dy]| {
                    scaled(color, 0.9 + side * dx - 0.3 * dy)
                });
            }
        }
    }
}
