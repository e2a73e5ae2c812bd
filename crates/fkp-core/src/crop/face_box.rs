//! Boxes around faces, with the convention that each box follows.

use crate::BoundingBox;
use serde::{Deserialize, Serialize};

/// Which part of a face a box encloses. Boxes of one face under two conventions differ by a third
/// of its size: too much for a network that was trained with one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxConvention {
    /// The smallest box around the model's keypoints.
    Keypoints,
    /// The face from forehead to chin and from ear to ear, as in WIDER FACE and by face detectors.
    Face,
    /// The square crop that the network sees.
    Crop,
}

/// A box with its convention. [`CropRule::square_of`](crate::CropRule::square_of) turns it into
/// the crop that a model was trained with, [`CropRule::convert`](crate::CropRule::convert) into a
/// box of another convention.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceBox {
    /// Which part of the face the box encloses.
    pub convention: BoxConvention,
    /// The box, in pixels.
    pub bounds: BoundingBox,
}

impl FaceBox {
    /// A box around the model's keypoints.
    pub fn keypoints(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Keypoints,
            bounds,
        }
    }

    /// A box around a face from forehead to chin, as detectors return it.
    pub fn face(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Face,
            bounds,
        }
    }

    /// The crop itself, whatever the model's mean shape.
    pub fn crop(bounds: BoundingBox) -> Self {
        Self {
            convention: BoxConvention::Crop,
            bounds,
        }
    }
}
