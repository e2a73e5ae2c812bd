//! The positions of the 15 keypoints on the face.

use crate::head::Surface;
use crate::math::Vec3;
use crate::params::FaceParams;

/// The keypoints in the order of the `kaggle15` schema, on the surface, in the head's frame.
pub(crate) fn on_head(face: &FaceParams, surface: &Surface) -> [Vec3; 15] {
    let [left, right] = &face.eyes;
    let [left_brow, right_brow] = &face.brows;
    // Per-side parameters count x outward; the subject's right is at negative x.
    let mirror = |[x, y]: [f32; 2]| [-x, y];
    let mouth = &face.mouth;
    [
        left.center(),
        mirror(right.center()),
        left.inner_corner(),
        left.outer_corner(),
        mirror(right.inner_corner()),
        mirror(right.outer_corner()),
        left_brow.inner,
        left_brow.outer,
        mirror(right_brow.inner),
        mirror(right_brow.outer),
        surface.nose_tip(),
        mouth.corner(0),
        mouth.corner(1),
        mouth.top_center(),
        mouth.bottom_center(),
    ]
    .map(|[x, y]| [x, y, surface.height(x, y)])
}

/// The mean of eye centers and mouth corners, which determines the position of the face.
pub(crate) fn anchor(keypoints: &[Vec3; 15]) -> Vec3 {
    let [a, b, c, d] = [0, 1, 11, 12].map(|index: usize| keypoints[index]);
    std::array::from_fn(|axis| 0.25 * (a[axis] + b[axis] + c[axis] + d[axis]))
}
