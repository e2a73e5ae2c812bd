//! Transforms from the head's frame to the viewer's frame and to pixels.

use crate::math::Vec3;
use crate::mesh::visibility::ScreenVertex;
use crate::params::{Pose, View};

/// The rotation of the head: `viewer = rotation · head`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    rows: [Vec3; 3],
}

impl Rotation {
    /// First pitch, then yaw, then roll: a person who nods does so in the plane of the own profile.
    pub(crate) fn new(pose: &Pose) -> Self {
        let (sy, cy) = pose.yaw.sin_cos();
        let (sp, cp) = pose.pitch.sin_cos();
        let (sr, cr) = pose.roll.sin_cos();
        // Pitch: y' = c·y + s·z, z' = −s·y + c·z. Yaw: x'' = c·x + s·z', z'' = −s·x + c·z'.
        let turned = [
            [cy, -sp * sy, cp * sy],
            [0.0, cp, sp],
            [-sy, -sp * cy, cp * cy],
        ];
        let tilt = |a: f32, b: f32| -> Vec3 {
            std::array::from_fn(|i| a * turned[0][i] + b * turned[1][i])
        };
        Self {
            rows: [tilt(cr, -sr), tilt(sr, cr), turned[2]],
        }
    }

    pub(crate) fn apply(&self, p: Vec3) -> Vec3 {
        self.rows.map(|row| crate::math::dot(row, p))
    }

    /// The inverse rotation, from the viewer's frame to the head's.
    pub(crate) fn undo(&self, p: Vec3) -> Vec3 {
        let r = &self.rows;
        std::array::from_fn(|i| r[0][i] * p[0] + r[1][i] * p[1] + r[2][i] * p[2])
    }

    /// Direction to the viewer, in the head's frame.
    pub(crate) fn toward_viewer(&self) -> Vec3 {
        self.rows[2]
    }
}

/// Perspective projection from the viewer's frame to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projection {
    /// Pixels per eye unit at the depth of the face.
    pub(crate) px_per_unit: f32,
    /// The point of the face on the optical axis, in the viewer's frame.
    anchor: Vec3,
    /// Where it is in the image, in pixels.
    origin: [f32; 2],
    /// Distance from the camera to that point.
    distance: f32,
}

/// Eye unit as a fraction of the side of an average crop. Half the distance of the eye centers in
/// the mean shape of the `kaggle15` schema is (0.6905 − 0.3095) / 2 = 0.1905; on turned heads it is
/// 2 % shorter on average.
const UNIT: f32 = 0.194;

/// The mean of eye centers and mouth corners in the same mean shape.
const ANCHOR: [f32; 2] = [0.5, 0.5936];

impl Projection {
    /// Places `anchor` (the mean of eye centers and mouth corners, viewer's frame) where an
    /// average crop has it, changed by the scale and shift of the view.
    pub(crate) fn new(view: &View, anchor: Vec3, size: usize) -> Self {
        let size = size as f32;
        Self {
            px_per_unit: UNIT * view.scale * size,
            anchor,
            origin: std::array::from_fn(|axis| (ANCHOR[axis] + view.shift[axis]) * size - 0.5),
            distance: view.distance,
        }
    }

    /// Places `anchor` at a position in pixels, at this size.
    pub(crate) fn placed(px_per_unit: f32, origin: [f32; 2], anchor: Vec3, distance: f32) -> Self {
        Self {
            px_per_unit,
            anchor,
            origin,
            distance,
        }
    }

    /// The projection after the image was scaled about the origin of its pixels and shifted.
    pub(crate) fn refitted(mut self, scale: f32, shift: [f32; 2]) -> Self {
        self.px_per_unit *= scale;
        for (origin, shift) in self.origin.iter_mut().zip(shift) {
            *origin = *origin * scale + shift;
        }
        self
    }

    /// Pixel position and nearness of a point in the viewer's frame. The nearness of the anchor
    /// is 1.
    pub(crate) fn to_screen(self, p: Vec3) -> ScreenVertex {
        let away = (self.distance - (p[2] - self.anchor[2])).max(0.1 * self.distance);
        let near = self.distance / away;
        let scale = self.px_per_unit * near;
        ScreenVertex {
            at: std::array::from_fn(|axis| {
                self.origin[axis] + scale * (p[axis] - self.anchor[axis])
            }),
            near,
        }
    }
}
