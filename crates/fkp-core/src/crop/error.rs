//! What can go wrong when a crop is computed.

use crate::{BoundingBox, BoxConvention};

/// The crop of an image cannot be computed.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// There are neither enough keypoints nor a box to compute the crop from.
    #[error("the crop needs two labeled keypoints apart from each other, or a box; got neither")]
    NoKeypointsOrBox,
    /// The rule does not know where a box of this convention lies in a crop.
    #[error(
        "the model's crop rule does not support {}; give {}",
        match convention {
            BoxConvention::Face => "boxes of faces from forehead to chin",
            _ => "boxes around keypoints",
        },
        match convention {
            BoxConvention::Face => "the box around the keypoints, or the crop itself",
            _ => "the crop itself",
        }
    )]
    NoMeanShape {
        /// The convention of the box.
        convention: BoxConvention,
    },
    /// A box has no area or is not finite.
    #[error("the box {given:?} has no area or is not finite")]
    BadBox {
        /// The box in question.
        given: BoundingBox,
    },
}

crate::debug_as_sentence!(CropError);
