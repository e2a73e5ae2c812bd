//! One annotated picture.

use crate::{FaceBox, Image, Keypoints};

/// A picture with its keypoints, in the picture's own pixel frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where it came from, for messages and reports: a file name, or file and row.
    pub id: String,
    /// The picture.
    pub image: Image,
    /// The keypoints in the schema's order, in pixels of `image`.
    pub keypoints: Keypoints,
    /// The person (patient, video, …) shown, where known: splits never cut through a group.
    pub group: Option<String>,
    /// The face's box in pixels of `image` and what it is around, where the source gives one.
    pub face_box: Option<FaceBox>,
}

impl Sample {
    /// A sample of which only the picture and the points are known.
    pub fn new(id: impl Into<String>, image: Image, keypoints: Keypoints) -> Self {
        Self {
            id: id.into(),
            image,
            keypoints,
            group: None,
            face_box: None,
        }
    }
}
