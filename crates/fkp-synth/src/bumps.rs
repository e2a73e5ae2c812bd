//! Bumps and hollows of the surface of the face.

use crate::math::falloff;
use crate::params::FaceParams;

/// A bump with an elliptical outline that raises the surface toward the viewer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bump {
    pub(crate) at: [f32; 2],
    inverse_radius: [f32; 2],
    height: f32,
}

impl Bump {
    pub(crate) fn new(at: [f32; 2], radius: [f32; 2], height: f32) -> Self {
        Self {
            at,
            inverse_radius: radius.map(|r| 1.0 / r),
            height,
        }
    }

    /// Height and its derivatives along x and y.
    fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let u = (x - self.at[0]) * self.inverse_radius[0];
        let v = (y - self.at[1]) * self.inverse_radius[1];
        let r2 = u * u + v * v;
        if r2 >= 1.0 {
            return [0.0; 3];
        }
        let w = 1.0 - r2;
        let slope = -6.0 * self.height * w * w;
        [
            self.height * falloff(r2),
            slope * u * self.inverse_radius[0],
            slope * v * self.inverse_radius[1],
        ]
    }
}

/// Sum of several bumps.
pub(crate) fn sum(parts: &[Bump], x: f32, y: f32) -> [f32; 3] {
    let mut total = [0.0; 3];
    for part in parts {
        let [h, hx, hy] = part.at(x, y);
        total = [total[0] + h, total[1] + hx, total[2] + hy];
    }
    total
}

/// y at which the face is divided: most bumps end above or begin below it.
const DIVIDE: f32 = 1.2;

/// The quarter of the face that contains a point: bit 0 for x > 0, bit 1 for the lower half.
pub(crate) fn quarter(x: f32, y: f32) -> usize {
    usize::from(x > 0.0) + 2 * usize::from(y > DIVIDE)
}

/// The bumps that overlap each quarter, so that a point needs to evaluate only a few.
fn by_quarter(parts: &[Bump]) -> [Vec<Bump>; 4] {
    let overlaps = |part: &Bump, quarter: usize| {
        let [x, y] = part.at;
        let [w, h] = part.inverse_radius.map(|r| 1.0 / r);
        let across = if quarter % 2 == 1 {
            x + w > 0.0
        } else {
            x - w <= 0.0
        };
        let down = if quarter / 2 == 1 {
            y + h > DIVIDE
        } else {
            y - h <= DIVIDE
        };
        across && down
    };
    std::array::from_fn(|quarter| {
        let parts = parts.iter().copied();
        parts.filter(|part| overlaps(part, quarter)).collect()
    })
}

/// The bumps that only affect the shading, by quarter of the face.
pub(crate) fn details(face: &FaceParams) -> [Vec<Bump>; 4] {
    let mut parts = Vec::with_capacity(20);
    let age = face.skin.age;
    let [nx, ny] = face.nose.at;
    let wing = 0.34 * face.nose.width;
    for (side, eye, brow) in [
        (1.0, face.eyes[0], face.brows[0]),
        (-1.0, face.eyes[1], face.brows[1]),
    ] {
        let x = side * eye.at[0];
        let mut add = |at: [f32; 2], radius, height| parts.push(Bump::new(at, radius, height));
        // The socket, and the eyeball in it.
        add([x - side * 0.12, eye.at[1] - 0.05], [0.75, 0.45], -0.2);
        add([x, eye.at[1]], [0.5, 0.34], 0.12);
        add(
            [x - side * 0.05, eye.at[1] + 0.32],
            [0.45, 0.2],
            0.03 + 0.05 * age,
        );
        // Ridge of the brow, cheekbone, hollow of the cheek.
        add([side * 1.0, brow.inner[1] - 0.02], [0.95, 0.36], 0.09);
        add([side * 1.25, 1.0], [0.85, 0.75], face.head.cheekbones);
        add([side * 1.55, 2.0], [0.6, 0.9], -0.1 - 0.06 * age);
        // Wing of the nose.
        add([nx + side * wing, ny + 0.14], [0.25, 0.26], 0.15);
    }
    let mouth = &face.mouth;
    let mut add = |at: [f32; 2], radius, height| parts.push(Bump::new(at, radius, height));
    let upper = 0.5 * (mouth.top + mouth.inner_top);
    let lower = 0.5 * (mouth.bottom + mouth.inner_bottom);
    let width = mouth.half_width;
    add([mouth.x, upper], [0.9 * width, 0.3], 0.1);
    add([mouth.x, lower], [0.75 * width, 0.26], 0.13);
    add([mouth.x, mouth.bottom + 0.14], [0.7, 0.2], -0.08);
    add([nx, 0.5 * (ny + 0.3 + mouth.top)], [0.14, 0.3], -0.04);
    add(
        [0.0, face.head.middle + face.head.jaw - 0.35],
        [0.65, 0.5],
        0.14,
    );
    by_quarter(&parts)
}
