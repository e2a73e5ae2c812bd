//! Cropping around the face box.

use super::traits::{Geometric, SampleContext};
use crate::range::{MAX_SIDE, check_integer, check_number};
use crate::{AugmentError, GeometricStep, Range};
use fkp_core::{BoundingBox, Rng};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// Crops a square around the face box, with a random size and place as of a face detector, and
/// resizes it. Without a face box, the box of the labeled keypoints is used, or else the image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceBoxCrop {
    /// Side of the result in pixels.
    pub side: usize,
    /// Side of the square over the box's longer side; within [0.05, 20].
    pub scale: Range,
    /// The square's center moves uniformly within ± this fraction of its side, on each axis; 0 to
    /// 1.
    pub shift: f64,
}

impl Geometric for FaceBoxCrop {
    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("side", self.side, 1, MAX_SIDE)?;
        self.scale.check("scale", 0.05, 20.0)?;
        check_number("shift", self.shift, 0.0, 1.0)
    }

    fn sample(&self, context: &SampleContext<'_>, rng: &mut dyn Rng) -> Option<GeometricStep> {
        let keypoints = || context.keypoints_box().filter(|b| b.longer_side() > 0.0);
        let face = context.face_box().or_else(keypoints);
        let face = face.unwrap_or(context.bounds());
        let length = face.longer_side() * self.scale.sample(rng);
        let (cx, cy) = face.center();
        let mut start =
            |center: f64| center + (rng.random_range(-self.shift..=self.shift) - 0.5) * length;
        let window = BoundingBox {
            x: start(cx),
            y: start(cy),
            width: length,
            height: length,
        };
        let size = (self.side, self.side);
        Some(GeometricStep::crop_resize(&window, size))
    }
}
