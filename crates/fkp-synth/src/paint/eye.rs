//! The eyeball behind the opening of the lids.

use super::{Ray, Spot};
use crate::light::Lights;
use crate::math::{Vec3, blend, coverage, dot, length, mix, normalized, scaled, smoothstep, sub};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, Eye, Iris};
use crate::shape::Surface;
use crate::shape::features::EyeShape;

/// Radius of the eyeball, 12 mm.
const RADIUS: f32 = 0.38;

/// One eyeball, in the head's frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eyeball {
    center: Vec3,
    /// Unit vector along the gaze, and two across it.
    gaze: Vec3,
    right: Vec3,
    down: Vec3,
    iris_radius: f32,
    iris: Color,
    pupil: f32,
    redness: f32,
}

impl Eyeball {
    /// The eyeball on a side, 1 for the subject's left.
    pub(crate) fn new(
        surface: &Surface,
        shape: &EyeShape,
        eye: &Eye,
        side: f32,
        gaze: [f32; 2],
        look: &Iris,
    ) -> Self {
        let [outward, down] = shape.at;
        let front = surface.point(side * outward, down - 0.02);
        // The eyes look a little outward of the surface's normal at rest.
        let center = sub(front, [side * 0.05, 0.0, RADIUS - 0.03]);
        let ([sx, cx], [sy, cy]) = (
            [gaze[0].sin(), gaze[0].cos()],
            [gaze[1].sin(), gaze[1].cos()],
        );
        let gaze = normalized([sx * cy, sy, cx * cy]);
        let right = normalized([gaze[2], 0.0, -gaze[0]]);
        let down = crate::math::cross(gaze, right);
        Self {
            center,
            gaze,
            right,
            down,
            iris_radius: eye.iris,
            iris: look.color,
            pupil: look.pupil,
            redness: look.redness,
        }
    }

    /// Unit normal where a ray meets the eyeball, or where it is nearest to it.
    fn normal(&self, ray: &Ray) -> Vec3 {
        let to = sub(ray.at, self.center);
        let along = dot(to, ray.toward_camera);
        let nearest = sub(to, scaled(ray.toward_camera, along));
        let off = dot(nearest, nearest);
        let back = (RADIUS * RADIUS - off).max(0.0).sqrt();
        normalized(std::array::from_fn(|i| {
            nearest[i] + back * ray.toward_camera[i]
        }))
    }

    /// Light from the eye at a point of the opening. `local` is the point in the frame of the
    /// eye.
    pub(crate) fn radiance(
        &self,
        shape: &EyeShape,
        local: [f32; 2],
        spot: &Spot,
        lights: &Lights,
        shadow: f32,
        noise: &NoiseTexture,
    ) -> Color {
        let normal = self.normal(&spot.ray);
        let [ex, ey] = local;
        let s = ex / shape.half_width;
        let (u, v) = (
            dot(normal, self.right) * RADIUS,
            dot(normal, self.down) * RADIUS,
        );
        let r = length(u, v);
        let facing = dot(normal, self.gaze);
        let soft = spot.px.max(0.018);
        // The white, pinker toward the corners.
        let corners = smoothstep(0.45, 1.0, s.abs());
        let vein = noise.at(Layer::Veins, u * 22.0, v * 9.0) - 0.3;
        let red = (0.25 * corners + self.redness * (0.15 + 0.5 * corners + 0.5 * vein)).max(0.0);
        let mut albedo = blend([0.68, 0.66, 0.65], [0.62, 0.36, 0.33], red.min(0.9));
        // The fleshy inner corner.
        let flesh = smoothstep(-0.8, -0.97, s);
        albedo = blend(albedo, [0.5, 0.24, 0.2], flesh);
        let mut cornea = 0.0;
        if facing > 0.0 {
            let inside = coverage(r - self.iris_radius, soft.max(0.03));
            let q = r / self.iris_radius;
            let angle = u.atan2(v);
            let fibers = noise.at(Layer::Iris, angle * 5.0, q * 2.5);
            let mut iris = scaled(self.iris, 0.7 + 0.7 * fibers);
            // Lighter around the pupil, with a dark ring at the edge.
            iris = scaled(iris, 1.0 + 0.35 * smoothstep(0.7, 0.45, q));
            iris = scaled(iris, mix(1.0, 0.3, smoothstep(0.72, 1.0, q)));
            // Light crosses the iris and brightens the side away from the lamp.
            let across = normalized([lights.key_on_head[0], lights.key_on_head[1], 0.2]);
            let glow = 1.0 - 0.35 * (u * across[0] + v * across[1]) / self.iris_radius;
            iris = scaled(iris, glow);
            let pupil = coverage(r - self.pupil * self.iris_radius, soft);
            iris = blend(iris, [0.006; 3], pupil);
            albedo = blend(albedo, iris, inside);
            cornea = smoothstep(1.15 * self.iris_radius, 0.9 * self.iris_radius, r);
        }
        // The lids and lashes shade the eye from above.
        let below_lid = ey - shape.upper_edge(s);
        let shade = 1.0 - 0.6 * smoothstep(0.15, 0.0, below_lid) - 0.25 * corners;
        let above_lid = shape.lower_edge(s) - ey;
        let rim = smoothstep(0.035, 0.0, above_lid);
        let light = lights.on_eye(normal, shade, shadow);
        let mut out: Color = std::array::from_fn(|i| albedo[i] * light[i]);
        // Reflections: on the cornea, which bulges, and weakly on the white.
        let bulged = normalized(std::array::from_fn(|i| {
            normal[i] + cornea * 0.55 * (normal[i] - facing * self.gaze[i])
        }));
        let glint = lights.reflection(bulged, spot.ray.toward_camera, shadow);
        let strength = mix(0.12, 1.0, cornea) * smoothstep(0.0, 0.07, below_lid);
        for (out, glint) in out.iter_mut().zip(glint) {
            *out += strength * glint;
        }
        // Tears along the lower lid.
        let wet = 0.06 * rim;
        out.map(|c| c + wet * (light[0] + light[1]) * 0.25)
    }
}
