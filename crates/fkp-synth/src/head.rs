//! The head's surface: where a line of sight meets it, and which way it faces there.
//!
//! The skull is an implicit surface close to an ellipsoid, flatter in front than at the sides,
//! with the nose as a displacement toward the viewer. It is a height field seen from the front,
//! so every place on the face has one (x, y), and features are painted in these coordinates.
//! Bump smaller than the nose (lips, cheeks, sockets) only tilts the normals.

use crate::bumps::{self, Bump, sum};
use crate::math::{Vec3, dot, normalized};
use crate::params::FaceParams;

/// How much flatter than an ellipse a horizontal section is in front.
const FLATNESS: f32 = 0.35;

/// Where a line of sight meets the head, or passes it most closely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    /// The point in the head's frame.
    pub(crate) at: Vec3,
    /// How far the line of sight is from grazing the head, in eye units: negative where it meets
    /// the head, positive outside.
    pub(crate) outside: f32,
}

/// The head's surface.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    inverse_width: f32,
    middle: f32,
    inverse_crown: f32,
    inverse_jaw: f32,
    squareness: f32,
    depth: f32,
    jaw_forward: f32,
    nose: [Bump; 2],
    /// Fine relief by quarter of the face, see [`bumps::quarter`].
    details: [Vec<Bump>; 4],
}

impl Surface {
    pub(crate) fn new(face: &FaceParams) -> Self {
        let head = &face.head;
        let nose = &face.nose;
        let [nx, ny] = nose.at;
        Self {
            inverse_width: 1.0 / head.half_width,
            middle: head.middle,
            inverse_crown: 1.0 / head.crown,
            inverse_jaw: 1.0 / head.jaw,
            squareness: head.squareness,
            depth: head.depth,
            jaw_forward: head.jaw_forward,
            nose: [
                Bump::new(
                    [0.5 * nx, 0.4],
                    [0.5, 1.25],
                    0.32 * nose.bridge * nose.protrusion,
                ),
                Bump::new(
                    [nx, ny + 0.02],
                    [0.56 * nose.width, 0.5],
                    0.4 * nose.protrusion,
                ),
            ],
            details: bumps::details(face),
        }
    }

    /// The nose: height above the skull and slopes.
    fn nose(&self, x: f32, y: f32) -> [f32; 3] {
        if x.abs() > 0.9 || !(-0.9..1.8).contains(&y) {
            return [0.0; 3];
        }
        sum(&self.nose, x, y)
    }

    /// Vertical position relative to the widest place, the share of the section that height
    /// takes, the forward shift of the jaw, and the slopes of the latter two.
    fn section(&self, y: f32) -> [f32; 4] {
        let from_middle = y - self.middle;
        if from_middle < 0.0 {
            let v = from_middle * self.inverse_crown;
            return [v * v, 0.0, 2.0 * v * self.inverse_crown, 0.0];
        }
        let v = from_middle * self.inverse_jaw;
        let (v2, s) = (v * v, self.squareness);
        [
            (1.0 - s) * v2 + s * v2 * v2,
            self.jaw_forward * v2,
            (2.0 * (1.0 - s) + 4.0 * s * v2) * v * self.inverse_jaw,
            2.0 * self.jaw_forward * v * self.inverse_jaw,
        ]
    }

    /// z of the front of the face at (x, y), nose included; on the rim of the face where (x, y)
    /// is beyond it.
    pub(crate) fn height(&self, x: f32, y: f32) -> f32 {
        let [rise, forward, ..] = self.section(y);
        let u = x * self.inverse_width;
        let across = u * u * (1.0 - FLATNESS + FLATNESS * u * u);
        let rest = (1.0 - across - rise).max(0.0);
        self.depth * rest.sqrt() + forward + self.nose(x, y)[0]
    }

    /// Value of the implicit function (negative inside) and its gradient.
    fn field(&self, p: Vec3, nose: [f32; 3]) -> (f32, Vec3) {
        let [rise, forward, rise_slope, forward_slope] = self.section(p[1]);
        let u = p[0] * self.inverse_width;
        let (u2, f) = (u * u, FLATNESS);
        let across = u2 * (1.0 - f + f * u2);
        let across_slope = u * (2.0 * (1.0 - f) + 4.0 * f * u2) * self.inverse_width;
        let depth = (p[2] - forward - nose[0]) / self.depth;
        let depth_slope = 2.0 * depth / self.depth;
        (
            across + rise + depth * depth - 1.0,
            [
                across_slope - depth_slope * nose[1],
                rise_slope - depth_slope * (forward_slope + nose[2]),
                depth_slope,
            ],
        )
    }

    /// A distance along any line of sight that is safely before the head.
    pub(crate) fn in_front(&self) -> f32 {
        self.depth + self.jaw_forward
    }

    /// Follows the line `start + t·toward_viewer` to the place nearest to the viewer where it
    /// meets the head, beginning at `t` and leaving it at that place.
    ///
    /// Each step solves the quadratic that has the field's value and slope here and an
    /// ellipsoid's curvature, and takes its root on the
    /// viewer's side. From afar that takes four steps to far below a pixel, from nearby two.
    pub(crate) fn trace(&self, start: Vec3, toward_viewer: Vec3, t: &mut f32) -> Hit {
        let d = toward_viewer;
        let curvature = {
            let h = if start[1] < self.middle {
                self.inverse_crown
            } else {
                self.inverse_jaw
            };
            let [a, b, c] = [d[0] * self.inverse_width, d[1] * h, d[2] / self.depth];
            a * a + b * b + c * c
        };
        let inverse_curvature = 1.0 / curvature;
        let (mut gradient, mut slope, mut deepest) = ([0.0; 3], 0.0, 0.0);
        for _ in 0..5 {
            let at: Vec3 = std::array::from_fn(|i| start[i] + *t * d[i]);
            let value;
            (value, gradient) = self.field(at, self.nose(at[0], at[1]));
            slope = dot(gradient, d);
            let vertex = -0.5 * slope * inverse_curvature;
            // The field where the line of sight is deepest inside.
            deepest = value + 0.5 * slope * vertex;
            let step = vertex + (-deepest * inverse_curvature).max(0.0).sqrt();
            *t += step;
            // What is left after a step is far smaller than the step.
            if step.abs() < 0.01 {
                break;
            }
        }
        // There the gradient is what it has across the line of sight.
        let across = (dot(gradient, gradient) - slope * slope).max(1e-6).sqrt();
        Hit {
            at: std::array::from_fn(|i| start[i] + *t * d[i]),
            outside: deepest / across,
        }
    }

    /// Unit normal at a point of the surface, with the fine relief.
    pub(crate) fn normal(&self, at: Vec3) -> Vec3 {
        let mut slopes = self.nose(at[0], at[1]);
        if at[2] > 0.0 {
            let fine = sum(&self.details[bumps::quarter(at[0], at[1])], at[0], at[1]);
            slopes[1] += fine[1];
            slopes[2] += fine[2];
        }
        normalized(self.field(at, slopes).1)
    }

    /// The tip of the nose: the highest place of the face near the ball of the nose.
    pub(crate) fn nose_tip(&self) -> [f32; 2] {
        let [mut x, mut y] = self.nose[1].at;
        let mut top = self.height(x, y);
        let mut step = 0.1;
        // Climbs along the axes with ever smaller steps.
        while step > 1e-3 {
            let around = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
            let higher = around.into_iter().find_map(|(dx, dy)| {
                let height = self.height(x + dx, y + dy);
                (height > top).then_some((x + dx, y + dy, height))
            });
            match higher {
                Some(place) => (x, y, top) = place,
                None => step *= 0.5,
            }
        }
        [x, y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Pose;
    use crate::pose::Rotation;
    use fkp_core::{Purpose, rng_for};

    fn face(index: u64) -> FaceParams {
        FaceParams::sample(&mut rng_for(3, Purpose::Render, 0, index))
    }

    #[test]
    fn a_line_of_sight_through_a_place_on_the_face_meets_it() {
        for index in 0..30 {
            let mut face = face(index);
            face.pose = Pose {
                yaw: 0.2,
                pitch: -0.1,
                roll: 0.1,
            };
            let surface = Surface::new(&face);
            let toward = Rotation::new(&face.pose).toward_viewer();
            for [x, y] in [[1.0, 0.0], [-0.8, 2.1], [0.0, -1.0], [-1.3, 0.8]] {
                let at = [x, y, surface.height(x, y)];
                // Shifted along the line of sight, as the renderer has it.
                let depth = dot(at, toward);
                let start = std::array::from_fn(|i| at[i] - depth * toward[i]);
                let hit = surface.trace(start, toward, &mut surface.in_front());
                let off = (hit.at[0] - x).hypot(hit.at[1] - y);
                assert!(hit.outside < 0.0 && off < 0.01, "face {index}: {off}");
            }
        }
    }

    #[test]
    fn lines_of_sight_beside_the_head_pass_it_at_their_distance() {
        let face = face(0);
        let surface = Surface::new(&face);
        let y = face.head.middle;
        let beside = surface.trace(
            [face.head.half_width + 0.2, y, 0.0],
            [0.0, 0.0, 1.0],
            &mut surface.in_front(),
        );
        assert!((beside.outside - 0.2).abs() < 0.05, "{}", beside.outside);
    }

    #[test]
    fn the_tip_of_the_nose_is_the_highest_place() {
        for index in 0..30 {
            let surface = Surface::new(&face(index));
            let [x, y] = surface.nose_tip();
            let top = surface.height(x, y);
            for (dx, dy) in [(0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -0.05)] {
                assert!(surface.height(x + dx, y + dy) < top, "face {index}");
            }
        }
    }
}
