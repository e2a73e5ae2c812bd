//! Transforms from the head's frame to the viewer's frame and to pixels.

use crate::math::Vec3;
use crate::params::{Camera, Pose};

/// The rotation of the head: `viewer = rotation · head`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    rows: [Vec3; 3],
}

impl Rotation {
    /// First yaw, then pitch, then roll.
    pub(crate) fn new(pose: &Pose) -> Self {
        let (sy, cy) = pose.yaw.sin_cos();
        let (sp, cp) = pose.pitch.sin_cos();
        let (sr, cr) = pose.roll.sin_cos();
        // Yaw: x' = c·x + s·z, z' = −s·x + c·z. Pitch: y'' = c·y + s·z', z'' = −s·y + c·z'.
        let turned = [
            [cy, 0.0, sy],
            [-sp * sy, cp, sp * cy],
            [-cp * sy, -sp, cp * cy],
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

/// Parallel projection from the viewer's frame to pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projection {
    /// Pixels per eye unit.
    pub(crate) px_per_unit: f32,
    /// The origin of the viewer's frame, in pixels.
    origin: [f32; 2],
}

/// Eye unit as a fraction of the side of an average crop. Half the distance of the eye centers in
/// the mean shape of the `kaggle15` schema is (0.6905 − 0.3095) / 2 = 0.1905; on turned heads it is
/// 2 % shorter on average.
const UNIT: f32 = 0.194;

/// The mean of eye centers and mouth corners in the same mean shape.
const ANCHOR: [f32; 2] = [0.5, 0.5936];

impl Projection {
    /// Places `anchor` (the mean of eye centers and mouth corners, viewer's frame) where an
    /// average crop has it, changed by the scale and shift of the camera.
    pub(crate) fn new(camera: &Camera, anchor: Vec3, size: usize) -> Self {
        let size = size as f32;
        let px_per_unit = UNIT * camera.scale * size;
        let position = |axis: usize| {
            (ANCHOR[axis] + camera.shift[axis]) * size - 0.5 - px_per_unit * anchor[axis]
        };
        Self {
            px_per_unit,
            origin: [position(0), position(1)],
        }
    }

    /// Pixel position of a point in the viewer's frame.
    pub(crate) fn to_px(self, p: Vec3) -> [f32; 2] {
        [
            self.origin[0] + self.px_per_unit * p[0],
            self.origin[1] + self.px_per_unit * p[1],
        ]
    }

    /// x and y in the viewer's frame of a pixel position.
    pub(crate) fn to_viewer(self, px: [f32; 2]) -> [f32; 2] {
        [
            (px[0] - self.origin[0]) / self.px_per_unit,
            (px[1] - self.origin[1]) / self.px_per_unit,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pose(yaw: f32, pitch: f32, roll: f32) -> Rotation {
        Rotation::new(&Pose { yaw, pitch, roll })
    }

    #[test]
    fn the_nose_moves_as_the_angles_say() {
        let nose = [0.0, 0.0, 1.0];
        assert!(pose(0.3, 0.0, 0.0).apply(nose)[0] > 0.2, "to larger x");
        assert!(pose(0.0, 0.3, 0.0).apply(nose)[1] > 0.2, "down");
        let right_of_image = pose(0.0, 0.0, 0.3).apply([1.0, 0.0, 0.0]);
        assert!(right_of_image[1] > 0.2, "clockwise");
    }

    #[test]
    fn undo_undoes() {
        let rotation = pose(0.4, -0.2, 0.7);
        let p = [0.3, -1.2, 2.0];
        let back = rotation.undo(rotation.apply(p));
        assert!(p.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn projection_scales_with_the_image() {
        let camera = Camera {
            scale: 1.0,
            shift: [0.0; 2],
            blur: 0.0,
            noise: 0.0,
            contrast: 1.0,
            brightness: 0.0,
        };
        let [small, large] = [96, 192].map(|size| Projection::new(&camera, [0.0; 3], size));
        let (a, b) = (small.to_px([1.0, 0.5, 0.0]), large.to_px([1.0, 0.5, 0.0]));
        assert!((2.0 * (a[0] + 0.5) - (b[0] + 0.5)).abs() < 1e-4);
        assert!((2.0 * (a[1] + 0.5) - (b[1] + 0.5)).abs() < 1e-4);
        let [x, y] = small.to_viewer(a);
        assert!((x - 1.0).abs() < 1e-5 && (y - 0.5).abs() < 1e-5);
    }
}
