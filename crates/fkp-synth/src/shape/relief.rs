//! What is added to the base of the head: brow ridge, sockets, cheeks, nose, lips, chin.

use super::features::Features;
use crate::math::{Vec3, falloff, smoothstep};
use crate::params::{FaceParams, Nose};

/// Moves the surface around a point of the face.
#[derive(Debug, Clone, Copy)]
struct Brush {
    at: [f32; 2],
    inverse_radius: [f32; 2],
    by: Vec3,
}

impl Brush {
    fn new(at: [f32; 2], radius: [f32; 2], by: Vec3) -> Self {
        Self {
            at,
            inverse_radius: radius.map(|r| 1.0 / r),
            by,
        }
    }

    fn weight(&self, x: f32, y: f32) -> f32 {
        let v = (y - self.at[1]) * self.inverse_radius[1];
        let u = (x - self.at[0]) * self.inverse_radius[0];
        falloff(u * u + v * v)
    }
}

/// The displacement of the surface of the face.
#[derive(Debug, Clone)]
pub(crate) struct Relief {
    brushes: Vec<Brush>,
    nose: Nose,
    features: Features,
}

impl Relief {
    pub(crate) fn new(face: &FaceParams, features: &Features) -> Self {
        let mut brushes = Vec::with_capacity(64);
        let (head, e, age) = (&face.head, &face.expression, face.skin.age);
        let nose = &face.nose;
        let [nx, ny] = nose.at;
        let mouth = &features.mouth;
        let mut add = |at: [f32; 2], radius: [f32; 2], by: Vec3| {
            brushes.push(Brush::new(at, radius, by));
        };
        for (index, side) in [(0, 1.0), (1, -1.0)] {
            let eye = &features.eyes[index];
            let brow = &features.brows[index];
            let depth = face.eyes[index].depth;
            let smile = e.smile[index].max(0.0);
            let x = side * eye.at[0];
            let y = eye.at[1];
            let out = |z: f32| [0.0, 0.0, z];
            // The socket, deepest toward the nose, and the eyeball in it.
            add([x - side * 0.1, y - 0.1], [0.95, 0.62], out(-0.24 - depth));
            add(
                [side * 0.45, y + 0.0],
                [0.4, 0.55],
                out(-0.16 - 0.5 * depth),
            );
            add([x + side * 0.03, y + 0.02], [0.58, 0.46], out(0.27));
            // Bag and trough under the eye.
            let bag = face.eyes[index].bag + 0.4 * e.squint + 0.3 * smile;
            add([x - side * 0.05, y + 0.36], [0.5, 0.2], out(0.05 * bag));
            add(
                [x - side * 0.2, y + 0.55],
                [0.6, 0.22],
                out(-0.05 - 0.04 * age),
            );
            // Ridge of the brow and the fat above the outer lid.
            let ridge = 0.09 + head.brow_ridge;
            add(
                [side * 0.75, brow.inner[1] + 0.02],
                [0.95, 0.42],
                out(ridge),
            );
            add(
                [side * 1.45, brow.outer[1] + 0.05],
                [0.6, 0.4],
                out(0.08 + 0.4 * head.brow_ridge),
            );
            add([side * 1.4, y - 0.18], [0.5, 0.3], out(0.06 + 0.05 * age));
            // Cheekbone, apple of the cheek, hollow below, jowl.
            add(
                [side * 1.45, 0.8],
                [0.95, 0.7],
                [side * 0.04, 0.0, 0.13 + head.cheekbones],
            );
            add(
                [side * 1.05, 1.05 - 0.12 * smile],
                [0.62, 0.55],
                [
                    0.0,
                    -0.06 * smile,
                    0.06 + 0.16 * smile + 0.06 * head.fullness,
                ],
            );
            add(
                [side * 1.5, 1.85],
                [0.62, 0.85],
                [
                    0.0,
                    0.0,
                    -0.1 - head.cheek_hollow + 0.22 * e.puff + 0.1 * head.fullness,
                ],
            );
            add(
                [side * 1.15, 2.85],
                [0.45, 0.45],
                out(0.07 * age + 0.05 * head.fullness),
            );
            // The fold from the wing of the nose to the corner of the mouth.
            let fold = 0.05 + 0.07 * age + 0.06 * smile;
            let corner = mouth.corner(index)[0].abs();
            add(
                [side * (0.42 * corner + 0.3), 1.62],
                [0.24, 0.4],
                out(-fold),
            );
            add(
                [side * (corner + 0.1), mouth.corners[index] + 0.02],
                [0.22, 0.26],
                out(-0.09),
            );
            // Wing of the nose and the groove above it.
            let wing = 0.4 * nose.width;
            add(
                [nx + side * wing, ny + 0.12],
                [0.27, 0.29],
                [side * 0.05, 0.02, 0.27 * nose.projection],
            );
            add(
                [nx + side * (wing + 0.02), ny - 0.2],
                [0.24, 0.2],
                out(-0.06),
            );
            // Ridge beside the groove of the upper lip.
            add(
                [nx + side * 0.15, 0.5 * (ny + 0.35 + mouth.top)],
                [0.13, 0.28],
                out(0.035),
            );
        }
        let out = |z: f32| [0.0, 0.0, z];
        add([0.0, -0.42], [0.5, 0.42], out(0.05 + 0.5 * head.brow_ridge));
        add([nx, 0.5 * (ny + 0.35 + mouth.top)], [0.12, 0.3], out(-0.05));
        // The arch of the teeth, the lips as a whole, the groove below them, the ball of the chin.
        add([mouth.x, 2.0], [1.05, 0.8], out(0.14 + mouth.protrusion));
        add([mouth.x, mouth.bottom + 0.2], [0.62, 0.24], out(-0.1));
        let drop = super::features::jaw_drop(e);
        let chin = 3.02 + head.face_length + drop;
        add([0.0, chin], [0.72, 0.52], out(0.14 + head.chin_ball));
        // Ball of the nose.
        add([nx, ny + 0.02], [0.36, 0.32], [0.0, nose.droop, 0.1]);
        Self {
            brushes,
            nose: *nose,
            features: *features,
        }
    }

    /// By how much the point of the face with these coordinates moves.
    pub(crate) fn at(&self, x: f32, y: f32) -> Vec3 {
        let mut by = [0.0; 3];
        for brush in &self.brushes {
            let weight = brush.weight(x, y);
            if weight > 0.0 {
                for (to, from) in by.iter_mut().zip(brush.by) {
                    *to += weight * from;
                }
            }
        }
        by[2] += nose(&self.nose, x, y) + self.features.mouth.relief(x, y);
        by
    }
}

/// Height of the bridge, the tip and the underside of the nose.
fn nose(nose: &Nose, x: f32, y: f32) -> f32 {
    /// Where bridge and forehead meet.
    const ROOT: f32 = -0.12;
    let [nx, ny] = nose.at;
    let t = (y - ROOT) / (ny - ROOT);
    if !(-0.6..1.6).contains(&t) {
        return 0.0;
    }
    let (root, tip) = (0.2 * nose.bridge, 0.66 * nose.projection);
    let along = t.clamp(0.0, 1.0);
    let height = if t < 0.0 {
        root * smoothstep(-0.6, 0.0, t)
    } else if t <= 1.0 {
        let straight = root + (tip - root) * (0.35 * along + 0.65 * along * along);
        straight + nose.hump * falloff(((t - 0.42) / 0.4).powi(2))
    } else {
        tip * smoothstep(0.4, 0.02, y - ny)
    };
    let half_width = nose.bridge_width * (0.42 + 0.05 * along) + 0.18 * nose.width * along * along;
    let across = (x - nx * along) / half_width;
    let u = (1.0 - across * across).max(0.0);
    height * u * u.sqrt()
}
