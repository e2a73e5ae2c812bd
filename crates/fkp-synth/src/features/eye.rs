//! Eyes: white, iris, pupil, lids and lashes.

use super::Material;
use crate::math::{coverage, length, mix, smoothstep};
use crate::params::{Eye, FaceParams};

impl Eye {
    /// From (outward, down) on the face to the frame of the eye: x toward the outer corner, y down
    /// from the line between the corners.
    fn local(&self, outward: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.tilt.sin_cos();
        let (dx, dy) = (outward - self.at[0], y - self.at[1]);
        [cos * dx - sin * dy, sin * dx + cos * dy]
    }

    /// From the frame of the eye to (outward, down) on the face.
    fn on_face(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.tilt.sin_cos();
        [
            self.at[0] + cos * x + sin * y,
            self.at[1] - sin * x + cos * y,
        ]
    }

    /// The inner corner, `[outward, down]`.
    pub(crate) fn inner_corner(&self) -> [f32; 2] {
        self.on_face([-self.half_width, 0.0])
    }

    /// The outer corner, `[outward, down]`.
    pub(crate) fn outer_corner(&self) -> [f32; 2] {
        self.on_face([self.half_width, 0.0])
    }

    /// The center of the opening: between the corners and between the lids, `[outward, down]`.
    pub(crate) fn center(&self) -> [f32; 2] {
        self.on_face([0.0, self.center_height()])
    }

    fn center_height(&self) -> f32 {
        0.5 * (self.lower_lid - self.upper_lid)
    }
}

/// Outline of a lid: 1 in the middle, 0 at the corners.
fn lid(s: f32) -> f32 {
    let u = (1.0 - s * s).max(0.0);
    0.55 * u + 0.45 * u.sqrt()
}

/// Paints one eye. `side` is 1 for the subject's left, −1 for the right.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    eye: &Eye,
    side: f32,
    [x, y]: [f32; 2],
    px: f32,
) {
    // Before the more expensive transform to the frame of the eye.
    if (side * x - eye.at[0]).abs() > 1.0 || (y - eye.at[1]).abs() > 1.0 {
        return;
    }
    let [ex, ey] = eye.local(side * x, y);
    if ex.abs() > 0.75 || ey.abs() > 0.6 {
        return;
    }
    let s = ex / eye.half_width;
    let beyond = (s.abs() - 1.0) * eye.half_width;
    let upper = -eye.upper_lid * lid(s);
    let lower = eye.lower_lid * lid(s);
    socket(material, face, eye, [ex, ey]);

    // The opening between the lids.
    let opening = (upper - ey).max(ey - lower).max(beyond);
    let inside = coverage(opening, px);
    if inside > 0.0 {
        let white = ball(face, eye, side, [ex, ey], px);
        // The upper lid casts a shadow on the eyeball.
        let shadow = 0.45 * smoothstep(0.13, 0.0, ey - upper) + 0.1 * smoothstep(0.5, 1.0, s.abs());
        material.albedo = mix(material.albedo, white.albedo, inside);
        material.open = mix(material.open, 1.0 - shadow, inside);
        material.gloss *= 1.0 - inside;
        material.glint += white.glint * inside;
    }

    // Pink corner, lashes of the upper lid (thicker at the outer end), rim of the lower lid.
    let ends = smoothstep(1.12, 0.8, s.abs());
    let thickness = (0.022 + 0.02 * eye.lashes * (0.6 + 0.4 * s)) * ends;
    let line = ((ey - upper + 0.5 * thickness).abs() - thickness).max(beyond - 0.05);
    material.paint(coverage(line, px) * (0.45 + 0.5 * eye.lashes), 0.05);
    let rim = ((ey - lower - 0.01).abs() - 0.014).max(beyond);
    material.crease(coverage(rim, px.max(0.03)) * (0.2 + 0.35 * eye.lashes));
}

/// Creases around the eye: the fold of the upper lid, the bag under the eye, the inner hollow.
fn socket(material: &mut Material, face: &FaceParams, eye: &Eye, [ex, ey]: [f32; 2]) {
    let s = ex / (1.12 * eye.half_width);
    let fold = -(eye.upper_lid.max(0.1) + 0.1) * lid(s) + 0.015;
    if s.abs() < 1.0 {
        let near = (ey - fold).abs();
        material.crease(0.3 * smoothstep(0.05, 0.0, near) * smoothstep(1.0, 0.5, s.abs()));
    }
    let bag = eye.lower_lid + 0.2 - 0.18 * s * s;
    let depth = 0.06 + 0.22 * face.skin.age;
    material
        .crease(depth * smoothstep(0.09, 0.0, (ey - bag).abs()) * smoothstep(1.15, 0.3, s.abs()));
    let hollow = length(ex + 1.15 * eye.half_width, 1.3 * (ey + 0.06));
    material.crease(0.16 * smoothstep(0.34, 0.0, hollow));
    // Shade under the brow.
    let sides = smoothstep(0.75, 0.45, ex.abs());
    material.crease(0.16 * sides * smoothstep(-0.05, -0.3, ey) * smoothstep(-0.6, -0.35, ey));
}

/// The eyeball: white, iris, pupil and the reflection of the light.
fn ball(face: &FaceParams, eye: &Eye, side: f32, [ex, ey]: [f32; 2], px: f32) -> Material {
    let middle = [
        side * face.gaze[0],
        eye.center_height() - 0.015 + face.gaze[1],
    ];
    let (dx, dy) = (ex - middle[0], ey - middle[1]);
    let r = length(dx, dy);
    let mut ball = Material {
        albedo: 0.82,
        open: 1.0,
        gloss: 0.0,
        glint: 0.0,
    };
    // The fleshy inner corner.
    let flesh = smoothstep(-0.78, -0.98, ex / eye.half_width);
    ball.paint(flesh, 0.6 * face.skin.tone);
    let ring = smoothstep(0.65, 1.0, r / eye.iris);
    let iris = mix(1.25, 0.45, ring) * face.iris_tone;
    ball.paint(coverage(r - eye.iris, px.max(0.03)), iris);
    ball.paint(coverage(r - 0.42 * eye.iris, px.max(0.02)), 0.02);
    let light = face.light.toward;
    let spot = [
        dx - side * 0.06 * light[0].clamp(-1.0, 1.0),
        dy - (0.06 * light[1]).clamp(-0.07, -0.02),
    ];
    ball.glint = 0.75 * coverage(length(spot[0], spot[1]) - 0.045, px.max(0.03));
    ball
}
