//! The surface of the head: intersections with rays, and normals.
//!
//! The skull is an implicit surface close to an ellipsoid, flatter in front than at the sides,
//! with the nose as a displacement toward the viewer. It is a height field seen from the front,
//! so every point of the face has one (x, y), and features are painted in these coordinates.
//! Bumps smaller than the nose (lips, cheeks, sockets) only change the normals.

use crate::bumps::{self, Bump, sum};
use crate::math::{Vec3, dot, normalized};
use crate::params::FaceParams;

/// How much flatter than an ellipse a horizontal section is at the front.
const FLATNESS: f32 = 0.35;

/// The point where a ray hits the head, or its closest point if it misses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    /// The point in the head's frame.
    pub(crate) at: Vec3,
    /// Signed distance of the ray from the outline of the head, in eye units: negative if it hits.
    pub(crate) outside: f32,
}

/// The surface of the head.
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
    /// Small bumps by quarter of the face, see [`bumps::quarter`].
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

    /// Height of the nose above the skull and its derivatives.
    fn nose(&self, x: f32, y: f32) -> [f32; 3] {
        if x.abs() > 0.9 || !(-0.9..1.8).contains(&y) {
            return [0.0; 3];
        }
        sum(&self.nose, x, y)
    }

    /// The vertical term of the implicit function, the forward shift of the jaw, and the
    /// derivatives of both.
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

    /// z of the front of the face at (x, y), including the nose; on the outline of the face if (x,
    /// y) is outside.
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

    /// A distance along any ray that is in front of the head.
    pub(crate) fn in_front(&self) -> f32 {
        self.depth + self.jaw_forward
    }

    /// Finds the intersection of the ray `start + t·toward_viewer` with the head that is nearest to
    /// the viewer. The search starts at `t`, which is set to the intersection.
    ///
    /// Each step solves the quadratic with the value and the slope of the field at `t` and the
    /// curvature of an ellipsoid, and takes the root on the side of the viewer. From far away four
    /// steps are accurate to far below a pixel, from nearby two.
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
            // The minimum of the field along the ray.
            deepest = value + 0.5 * slope * vertex;
            let step = vertex + (-deepest * inverse_curvature).max(0.0).sqrt();
            *t += step;
            // The remaining error is far smaller than the step.
            if step.abs() < 0.01 {
                break;
            }
        }
        // The component of the gradient perpendicular to the ray.
        let across = (dot(gradient, gradient) - slope * slope).max(1e-6).sqrt();
        Hit {
            at: std::array::from_fn(|i| start[i] + *t * d[i]),
            outside: deepest / across,
        }
    }

    /// Unit normal at a point of the surface, including the small bumps.
    pub(crate) fn normal(&self, at: Vec3) -> Vec3 {
        let mut slopes = self.nose(at[0], at[1]);
        if at[2] > 0.0 {
            let fine = sum(&self.details[bumps::quarter(at[0], at[1])], at[0], at[1]);
            slopes[1] += fine[1];
            slopes[2] += fine[2];
        }
        normalized(self.field(at, slopes).1)
    }

    /// The tip of the nose: the highest point of the face near the ball of the nose.
    pub(crate) fn nose_tip(&self) -> [f32; 2] {
        let [mut x, mut y] = self.nose[1].at;
        let mut top = self.height(x, y);
        let mut step = 0.1;
        // Hill climbing along the axes with decreasing steps.
        while step > 1e-3 {
            let around = [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)];
            let higher = around.into_iter().find_map(|(dx, dy)| {
                let height = self.height(x + dx, y + dy);
                (height > top).then_some((x + dx, y + dy, height))
            });
            match higher {
                Some(higher) => (x, y, top) = higher,
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
    fn a_ray_through_a_point_of_the_face_hits_it() {
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
                // Shifted along the ray to depth 0, as in the renderer.
                let depth = dot(at, toward);
                let start = std::array::from_fn(|i| at[i] - depth * toward[i]);
                let hit = surface.trace(start, toward, &mut surface.in_front());
                let off = (hit.at[0] - x).hypot(hit.at[1] - y);
                assert!(hit.outside < 0.0 && off < 0.01, "face {index}: {off}");
            }
        }
    }

    #[test]
    fn rays_beside_the_head_miss_it_by_their_distance() {
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
    fn the_tip_of_the_nose_is_the_highest_point() {
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
