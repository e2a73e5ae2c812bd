//! The orientation of a head, from its keypoints.

use fkp_core::Keypoints;
use serde::Serialize;

/// The orientation of a head relative to the camera, in degrees. All are 0 for a face that looks
/// into the camera. The rotation is that by pitch, then by yaw, then by roll, in the frame with x to the
/// right, y down and z toward the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeadPose {
    /// Rotation about the vertical axis; positive turns the nose to larger x, the subject's left.
    pub yaw: f32,
    /// Rotation about the horizontal axis; positive turns the nose down.
    pub pitch: f32,
    /// Rotation in the image plane; positive is clockwise in the image.
    pub roll: f32,
}

/// The first of the keypoints in [`MEAN_HEAD`], in the order of the schema `ibug68`.
const FIRST: usize = 27;

/// Keypoints 27 to 47 of the mean head: ridge and base of the nose, and eyes, which expressions
/// move least. Fitted to the labels of 4000 rendered faces and made symmetric; x to the right of
/// the image, y down, z toward the viewer, in distances of the outer eye corners.
const MEAN_HEAD: [[f64; 3]; 21] = [
    [0.0, -0.163, 0.093],
    [0.0, -0.033, 0.111],
    [0.0, 0.098, 0.162],
    [0.0, 0.245, 0.283],
    [-0.175, 0.313, 0.085],
    [-0.078, 0.334, 0.045],
    [0.0, 0.352, 0.032],
    [0.078, 0.334, 0.045],
    [0.175, 0.313, 0.085],
    [-0.5, -0.149, -0.148],
    [-0.417, -0.185, -0.073],
    [-0.305, -0.187, -0.056],
    [-0.221, -0.141, -0.087],
    [-0.307, -0.118, -0.038],
    [-0.42, -0.116, -0.068],
    [0.221, -0.141, -0.087],
    [0.305, -0.187, -0.056],
    [0.417, -0.185, -0.073],
    [0.5, -0.149, -0.148],
    [0.42, -0.116, -0.068],
    [0.307, -0.118, -0.038],
];

impl HeadPose {
    /// The pose of a face with the keypoints of the schema `ibug68`, by the scaled orthographic
    /// projection of the mean head that is nearest to its keypoints (DeMenthon and Davis,
    /// *Model-Based Object Pose in 25 Lines of Code*, IJCV 1995, first iteration): the affine map
    /// of least squares, and the rotation nearest to it. `None` if there are fewer keypoints, or
    /// they do not determine a pose.
    pub fn from_ibug68(face: &Keypoints) -> Option<Self> {
        let n = MEAN_HEAD.len();
        let points: Vec<[f64; 2]> = face
            .iter()
            .skip(FIRST)
            .take(n)
            .map(|p| [f64::from(p.x), f64::from(p.y)])
            .collect();
        if points.len() < n {
            return None;
        }
        let center: [f64; 2] =
            std::array::from_fn(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / n as f64);
        let mean: [f64; 3] =
            std::array::from_fn(|axis| MEAN_HEAD.iter().map(|p| p[axis]).sum::<f64>() / n as f64);
        let (mut cross, mut moments) = ([[0.0; 3]; 2], [[0.0; 3]; 3]);
        for (point, head) in points.iter().zip(&MEAN_HEAD) {
            let head: [f64; 3] = std::array::from_fn(|i| head[i] - mean[i]);
            for j in 0..3 {
                for (row, axis) in cross.iter_mut().zip(0..) {
                    row[j] += (point[axis] - center[axis]) * head[j];
                }
                for (row, x) in moments.iter_mut().zip(head) {
                    row[j] += x * head[j];
                }
            }
        }
        let inverse = inverse(&moments);
        let affine = cross.map(|row| {
            std::array::from_fn::<f64, 3, _>(|j| (0..3).map(|i| row[i] * inverse[i][j]).sum())
        });
        let [first, second] = nearest_orthonormal(&affine)?;
        let third = cross_product(&first, &second);
        // The rotation is roll · yaw · pitch; its third row is (−sin yaw, −sin pitch cos yaw,
        // cos pitch cos yaw).
        let degrees = |radians: f64| radians.to_degrees() as f32;
        Some(Self {
            yaw: degrees((-third[0]).clamp(-1.0, 1.0).asin()),
            pitch: degrees((-third[1]).atan2(third[2])),
            roll: degrees(second[0].atan2(first[0])),
        })
    }
}

/// The two orthonormal rows nearest to the rows of an affine map, up to its scale: its polar factor
/// (M·Mᵀ)^(−1/2)·M. `None` if the map has no rank 2.
fn nearest_orthonormal(map: &[[f64; 3]; 2]) -> Option<[[f64; 3]; 2]> {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (a, b, c) = (
        dot(&map[0], &map[0]),
        dot(&map[0], &map[1]),
        dot(&map[1], &map[1]),
    );
    // The root of the symmetric 2×2 matrix S is (S + √det·I) / √(trace + 2·√det).
    let root = (a * c - b * b).max(0.0).sqrt();
    let scale = (a + c + 2.0 * root).sqrt();
    let (p, q, r) = ((a + root) / scale, b / scale, (c + root) / scale);
    let determinant = p * r - q * q;
    let inverse = [[r, -q], [-q, p]].map(|row| row.map(|x| x / determinant));
    let rows = inverse.map(|[x, y]| std::array::from_fn(|i| x * map[0][i] + y * map[1][i]));
    let is_finite = rows.iter().flatten().all(|x: &f64| x.is_finite());
    is_finite.then_some(rows)
}

fn cross_product(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn inverse(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let [a, b, c] = m;
    let columns = [
        cross_product(b, c),
        cross_product(c, a),
        cross_product(a, b),
    ];
    let determinant: f64 = a.iter().zip(columns[0]).map(|(x, y)| x * y).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| columns[j][i] / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::Keypoint;
    use proptest::prelude::*;

    /// The keypoints of the mean head in a pose, in scaled orthographic projection.
    fn projected(pose: &HeadPose, scale: f64, at: [f64; 2]) -> Keypoints {
        let [yaw, pitch, roll] =
            [pose.yaw, pose.pitch, pose.roll].map(|angle| f64::from(angle).to_radians());
        let project = |[x, y, z]: [f64; 3]| {
            let (y, z) = (
                pitch.cos() * y + pitch.sin() * z,
                pitch.cos() * z - pitch.sin() * y,
            );
            let x = yaw.cos() * x + yaw.sin() * z;
            let (x, y) = (
                roll.cos() * x - roll.sin() * y,
                roll.sin() * x + roll.cos() * y,
            );
            Keypoint::new((at[0] + scale * x) as f32, (at[1] + scale * y) as f32)
        };
        let others = std::iter::repeat_n(Keypoint::new(0.0, 0.0), FIRST);
        others.chain(MEAN_HEAD.map(project)).collect()
    }

    proptest! {
        #[test]
        fn the_pose_of_a_projected_head_is_found(
            yaw in -80f32..80.0, pitch in -60f32..60.0, roll in -170f32..170.0,
            scale in 5f64..500.0, x in -50f64..500.0,
        ) {
            let pose = HeadPose { yaw, pitch, roll };
            let found = HeadPose::from_ibug68(&projected(&pose, scale, [x, 30.0])).unwrap();
            for (a, b) in [(found.yaw, yaw), (found.pitch, pitch), (found.roll, roll)] {
                prop_assert!((a - b).abs() < 0.1, "{:?} {:?}", found, pose);
            }
        }
    }

    #[test]
    fn keypoints_in_one_place_have_no_pose() {
        assert_eq!(
            HeadPose::from_ibug68(&Keypoints::from_xy(&[[3.0, 4.0]; 68])),
            None
        );
        assert_eq!(
            HeadPose::from_ibug68(&Keypoints::from_xy(&[[3.0, 4.0]; 15])),
            None
        );
    }
}
