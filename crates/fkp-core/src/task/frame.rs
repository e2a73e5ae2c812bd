//! The [−1, 1] coordinates in which a network predicts.

use crate::{Keypoint, Keypoints};
use serde::{Deserialize, Serialize};

/// Converts between pixels of a `width × height` image and [−1, 1] coordinates.
///
/// `u = (2x + 1)/w − 1`: the outer edge of the first pixel (x = −0.5) is −1, the outer edge of the
/// last (x = w − 0.5) is 1. The same convention as `align_corners=False` in PyTorch's
/// `grid_sample`.
///
/// ```
/// let frame = fkp_core::CoordinateFrame { width: 96, height: 96 };
/// assert_eq!(frame.to_norm(-0.5, 95.5), (-1.0, 1.0));
/// assert_eq!(frame.to_px(0.0, 0.0), (47.5, 47.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinateFrame {
    /// Width of the image in pixels.
    pub width: usize,
    /// Height of the image in pixels.
    pub height: usize,
}

impl CoordinateFrame {
    /// From pixels to [−1, 1].
    pub fn to_norm(&self, x_px: f32, y_px: f32) -> (f32, f32) {
        (
            (2.0 * x_px + 1.0) / self.width as f32 - 1.0,
            (2.0 * y_px + 1.0) / self.height as f32 - 1.0,
        )
    }

    /// From [−1, 1] to pixels.
    pub fn to_px(&self, u_norm: f32, v_norm: f32) -> (f32, f32) {
        (
            ((u_norm + 1.0) * self.width as f32 - 1.0) / 2.0,
            ((v_norm + 1.0) * self.height as f32 - 1.0) / 2.0,
        )
    }

    /// The keypoints, in pixels, of a network's output x₀, y₀, x₁, y₁, … in [−1, 1].
    pub fn keypoints(&self, output: &[f32]) -> Keypoints {
        let keypoint = |uv: &[f32]| {
            let (x, y) = self.to_px(uv[0], uv[1]);
            Keypoint::new(x, y)
        };
        output.chunks_exact(2).map(keypoint).collect()
    }
}
