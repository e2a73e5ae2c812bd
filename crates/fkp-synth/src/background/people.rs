//! Other people, out of focus.

use super::canvas::{Canvas, Oval, between, scaled};
use super::dice::Dice;
use super::geometry::Color;

/// Head and shoulders of another person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Person {
    /// Middle of the head.
    pub center: [f32; 2],
    /// Half the height of the head.
    pub size: f32,
    /// Color of the skin.
    pub skin: Color,
    /// Color of the hair.
    pub hair: Color,
    /// Color of the clothes.
    pub clothes: Color,
    /// Where the face is turned: −1 to the left, 1 to the right, beyond ±1.5 away.
    pub turn: f32,
    /// Length of the hair: 0 short, 1 to the shoulders.
    pub hair_length: f32,
}

impl Person {
    pub(super) fn paint(&self, canvas: &mut Canvas) {
        let Self {
            center: [x, y],
            size,
            skin,
            hair,
            clothes,
            turn,
            hair_length,
        } = *self;
        let oval = |dx: f32, dy: f32, rx: f32, ry: f32| Oval {
            center: [x + size * dx, y + size * dy],
            radii: [size * rx, size * ry],
            softness: 0.08,
        };
        let lit =
            |color: Color| move |[dx, dy]: [f32; 2]| scaled(color, 0.9 - 0.28 * dx - 0.22 * dy);
        let is_turned_away = turn.abs() > 1.5;
        let turn = turn.clamp(-1.0, 1.0);
        // Hair behind the neck, neck, shoulders and chest.
        if hair_length > 0.0 {
            canvas.ellipse(
                oval(0.0, 0.4, 0.85, 0.9 + 0.7 * hair_length),
                1.0,
                lit(hair),
            );
        }
        let behind = if is_turned_away { hair } else { skin };
        canvas.ellipse(
            oval(0.05 * turn, 0.95, 0.42, 0.7),
            1.0,
            lit(scaled(skin, 0.6)),
        );
        canvas.ellipse(oval(0.0, 1.85, 1.3, 0.62), 1.0, lit(clothes));
        canvas.ellipse(oval(0.0, 3.1, 2.0, 1.75), 1.0, lit(clothes));
        canvas.ellipse(oval(-1.3, 2.5, 0.85, 0.95), 1.0, lit(clothes));
        let far_arm = lit(scaled(clothes, 0.85));
        canvas.ellipse(oval(1.3, 2.5, 0.85, 0.95), 1.0, far_arm);
        canvas.ellipse(
            oval(0.08 * turn, 1.28, 0.32, 0.3),
            1.0,
            lit(scaled(skin, 0.75)),
        );
        canvas.ellipse(oval(-0.1 * turn, -0.12, 0.8, 0.98), 1.0, lit(hair));
        canvas.ellipse(oval(0.14 * turn, 0.14, 0.64, 0.84), 1.0, lit(behind));
        if is_turned_away {
            return;
        }
        // Eyes, nose and mouth as shadows.
        for side in [-1.0, 1.0] {
            let eye = oval(0.25 * side + 0.3 * turn, 0.0, 0.17, 0.09);
            canvas.ellipse(eye, 0.65, |_| scaled(skin, 0.3));
        }
        let nose = oval(0.34 * turn + 0.05, 0.3, 0.12, 0.1);
        canvas.ellipse(nose, 0.35, |_| scaled(skin, 0.45));
        let mouth = oval(0.27 * turn, 0.58, 0.25, 0.09);
        let lips = between(skin, [0.25, 0.05, 0.05], 0.6);
        canvas.ellipse(mouth, 0.6, |_| lips);
        canvas.ellipse(oval(-0.06 * turn, -0.62, 0.72, 0.38), 1.0, lit(hair));
    }
}

/// Rows of people, far away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crowd {
    /// y of the heads of the last row.
    pub top: f32,
    /// Half the height of a head in the last row.
    pub size: f32,
    /// Number of rows; each is larger than the one behind it.
    pub rows: u32,
    /// Light on them.
    pub light: Color,
}

impl Crowd {
    pub(super) fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        let (mut y, mut size) = (self.top, self.size.max(0.01));
        for _ in 0..self.rows {
            let mut x = -size * dice.unit();
            while x < 1.0 + size {
                let skin = scaled([0.5, 0.28, 0.18], dice.uniform(0.25, 1.2));
                let bright = 0.02 + 0.5 * dice.unit() * dice.unit();
                let clothes = [(); 3].map(|()| bright * dice.uniform(0.5, 1.4));
                let hair = scaled([0.05, 0.035, 0.025], dice.uniform(0.3, 3.0));
                let lit = |color: Color| std::array::from_fn(|c| color[c] * self.light[c]);
                Person {
                    center: [x, y + size * dice.uniform(-0.4, 0.4)],
                    size: size * dice.uniform(0.85, 1.1),
                    skin: lit(skin),
                    hair: lit(hair),
                    clothes: lit(clothes),
                    turn: dice.uniform(-2.0, 2.0),
                    hair_length: dice.uniform(-1.0, 1.0).max(0.0),
                }
                .paint(canvas);
                x += size * dice.uniform(1.7, 3.2);
            }
            y += 2.0 * size;
            size *= 1.25;
        }
    }
}
