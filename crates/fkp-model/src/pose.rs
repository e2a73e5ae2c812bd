//! The orientation of a head, from its keypoints.

use fkp_core::{Keypoint, Keypoints};
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

/// The weights of the 68 keypoints in the affine map from head to image, for x to the right, y down and
/// z toward the viewer: symmetric, and of any scale. Fitted by least squares (ridge regression) to the
/// labels and the rotations of 6000 rendered faces.
const WEIGHTS: [[f64; 3]; 68] = [
    [0.160, -0.500, -0.832],
    [-0.040, -0.289, -0.746],
    [0.367, -0.037, -0.218],
    [0.162, 0.189, -0.126],
    [-0.339, 0.357, -0.104],
    [-0.340, 0.469, 0.167],
    [-0.347, 0.456, -0.230],
    [-0.066, 0.133, 0.007],
    [0.000, -0.476, -0.067],
    [0.066, 0.133, 0.007],
    [0.347, 0.456, -0.230],
    [0.340, 0.469, 0.167],
    [0.339, 0.357, -0.104],
    [-0.162, 0.189, -0.126],
    [-0.367, -0.037, -0.218],
    [0.040, -0.289, -0.746],
    [-0.160, -0.500, -0.832],
    [-0.627, 0.046, -0.536],
    [-0.431, -0.117, -0.099],
    [-0.296, -0.169, 0.068],
    [-0.183, -0.155, 0.258],
    [-0.065, -0.112, 0.266],
    [0.065, -0.112, 0.266],
    [0.183, -0.155, 0.258],
    [0.296, -0.169, 0.068],
    [0.431, -0.117, -0.099],
    [0.627, 0.046, -0.536],
    [0.000, -0.384, 1.117],
    [0.000, -0.247, 0.897],
    [0.000, -0.154, 1.046],
    [0.000, -0.086, 1.142],
    [-0.426, 0.212, -0.145],
    [-0.193, 0.251, -0.334],
    [0.000, 0.308, -0.298],
    [0.193, 0.251, -0.334],
    [0.426, 0.212, -0.145],
    [-0.789, -0.180, -0.383],
    [-0.552, -0.249, 0.049],
    [-0.264, -0.278, -0.021],
    [-0.082, -0.250, -0.224],
    [-0.313, -0.083, 0.387],
    [-0.602, -0.041, 0.301],
    [0.082, -0.250, -0.224],
    [0.264, -0.278, -0.021],
    [0.552, -0.249, 0.049],
    [0.789, -0.180, -0.383],
    [0.602, -0.041, 0.301],
    [0.313, -0.083, 0.387],
    [-0.199, -0.229, -0.233],
    [-0.130, 0.060, 0.061],
    [-0.050, 0.176, 0.042],
    [0.000, 0.237, 0.072],
    [0.050, 0.176, 0.042],
    [0.130, 0.060, 0.061],
    [0.199, -0.229, -0.233],
    [0.139, 0.073, -0.035],
    [0.069, 0.172, 0.066],
    [0.000, 0.196, 0.089],
    [-0.069, 0.172, 0.066],
    [-0.139, 0.073, -0.035],
    [-0.186, -0.028, -0.043],
    [-0.070, 0.596, 0.149],
    [0.000, 0.679, 0.214],
    [0.070, 0.596, 0.149],
    [0.186, -0.028, -0.043],
    [0.070, -0.332, 0.236],
    [0.000, -0.356, 0.291],
    [-0.070, -0.332, 0.236],
];

impl HeadPose {
    /// The pose of a face with the keypoints of the schema `ibug68`. The affine map from head to image is
    /// a linear function of the keypoints, as in the first iteration of DeMenthon and Davis (*Model-Based
    /// Object Pose in 25 Lines of Code*, IJCV 1995); the pose is the rotation nearest to it. Where they have
    /// the pseudo-inverse of one rigid head, its weights are regressed from faces of many shapes and
    /// expressions, so that keypoints count the less the more they vary. `None` if there are fewer
    /// keypoints, or they do not determine a pose.
    pub fn from_ibug68(face: &Keypoints) -> Option<Self> {
        if face.len() < WEIGHTS.len() {
            return None;
        }
        let affine = std::array::from_fn(|axis| {
            let at = |p: &Keypoint| f64::from([p.x, p.y][axis]);
            let sum: f64 = face.iter().take(WEIGHTS.len()).map(at).sum();
            let center = sum / WEIGHTS.len() as f64;
            std::array::from_fn(|column| {
                let weighted = face.iter().zip(&WEIGHTS);
                weighted.map(|(p, w)| (at(p) - center) * w[column]).sum()
            })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The head whose affine map has no error: W·(Wᵀ·W)⁻¹ with the centered weights W.
    fn head() -> [[f64; 3]; 68] {
        let mean: [f64; 3] = std::array::from_fn(|i| {
            WEIGHTS.iter().map(|row| row[i]).sum::<f64>() / WEIGHTS.len() as f64
        });
        let centered = WEIGHTS.map(|row| std::array::from_fn(|i| row[i] - mean[i]));
        let mut moments = [[0.0; 3]; 3];
        for row in &centered {
            for (i, of) in moments.iter_mut().enumerate() {
                for (moment, x) in of.iter_mut().zip(row) {
                    *moment += row[i] * x;
                }
            }
        }
        let inverse = inverse(&moments);
        centered.map(|row: [f64; 3]| {
            std::array::from_fn(|j| (0..3).map(|i| row[i] * inverse[i][j]).sum())
        })
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

    /// The keypoints of that head in a pose, in scaled orthographic projection.
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
        head().into_iter().map(project).collect()
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
