//! Neck, clothes and ears.

use crate::math::{Vec3, coverage, length, mix, smoothstep};
use crate::params::FaceParams;
use crate::pose::Rotation;
use crate::shading::Lamp;

/// Neck and shoulders, in the viewer's frame relative to the center of the head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    /// Bottom of the chin.
    chin: [f32; 2],
    half_neck: f32,
    skin: f32,
    clothes: f32,
}

impl Body {
    pub(crate) fn new(face: &FaceParams, rotation: Rotation) -> Self {
        let head = &face.head;
        let [x, y, _] = rotation.apply([0.0, head.middle + head.jaw, 0.0]);
        Self {
            chin: [x, y],
            half_neck: 0.62 * head.half_width,
            skin: face.skin.tone,
            clothes: face.background.clothes,
        }
    }

    /// Coverage and brightness of neck or clothes at a point.
    pub(crate) fn at(&self, [x, y]: [f32; 2], px: f32, lamp: &Lamp) -> (f32, f32) {
        let (dx, dy) = (x - self.chin[0], y - self.chin[1]);
        if dy < -1.0 {
            return (0.0, 0.0);
        }
        let shoulder = 0.95 + 0.07 * dx * dx - dy;
        let collar = coverage(shoulder, px.max(0.06));
        let neck = coverage((dx.abs() - self.half_neck).max(-0.9 - dy), px);
        let across = (dx / self.half_neck).clamp(-1.0, 1.0);
        let normal = [0.9 * across, 0.1, (1.0 - 0.8 * across * across).sqrt()];
        let light = lamp.diffuse(normal, 1.0);
        // The chin casts a shadow on the neck.
        let shadow = mix(0.5, 0.85, smoothstep(0.0, 1.1, dy));
        let cloth =
            self.clothes * lamp.diffuse([0.3 * (0.3 * dx).clamp(-1.0, 1.0), -0.3, 0.9], 0.95);
        (
            neck.max(collar),
            mix(self.skin * light * shadow, cloth, collar),
        )
    }
}

/// One ear: an ellipse beside the head, in front of or behind it depending on the yaw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ear {
    middle: [f32; 2],
    radius: [f32; 2],
    /// Sine and cosine of the roll, by which the ellipse is tilted.
    tilt: (f32, f32),
    side: f32,
    albedo: f32,
    /// Whether it is in front of the head, on the side that is turned toward the viewer.
    pub(crate) in_front_of_head: bool,
}

impl Ear {
    /// The ear on a side, 1 for the subject's left; `None` if hair covers it.
    pub(crate) fn new(face: &FaceParams, rotation: Rotation, side: f32) -> Option<Self> {
        let head = &face.head;
        if head.ears <= 0.0 || face.hair.length > 0.7 {
            return None;
        }
        let at: Vec3 = [side * (head.half_width - 0.06), 0.42, -0.15];
        let [x, y, _] = rotation.apply(at);
        let turn = side * rotation.toward_viewer()[0];
        Some(Self {
            middle: [x, y],
            radius: [head.ears * (0.3 + 0.35 * turn.max(-0.3)), 0.72 * head.ears],
            tilt: (face.pose.roll + side * 0.12).sin_cos(),
            side,
            albedo: face.skin.tone,
            in_front_of_head: turn > 0.12,
        })
    }

    /// Coverage and brightness of the ear at a point.
    pub(crate) fn at(&self, [x, y]: [f32; 2], px: f32, lamp: &Lamp) -> (f32, f32) {
        let (dx, dy) = (x - self.middle[0], y - self.middle[1]);
        if dx.abs() > 1.2 || dy.abs() > 1.2 {
            return (0.0, 0.0);
        }
        let (sin, cos) = self.tilt;
        let (u, v) = (
            (cos * dx + sin * dy) / self.radius[0],
            (cos * dy - sin * dx) / self.radius[1],
        );
        // Narrower toward the lobe.
        let u = u * (1.0 + 0.25 * v);
        let r = length(u, v);
        let opacity = coverage((r - 1.0) * self.radius[0], px);
        if opacity <= 0.0 {
            return (0.0, 0.0);
        }
        let inner = length(u + 0.15 * self.side, v + 0.1);
        let fold =
            smoothstep(0.75, 0.35, inner) * 0.4 + 0.25 * smoothstep(0.12, 0.0, (r - 0.72).abs());
        let normal = [0.5 * self.side + 0.4 * u, 0.3 * v, 0.75];
        (opacity, self.albedo * lamp.diffuse(normal, 1.0 - fold))
    }
}
