//! The labels of one sample on their way into a folder.

use fkp_core::{FaceBox, Keypoints, LabeledBox};

/// The labels of a sample and its image file.
pub(super) struct Label {
    pub(super) id: String,
    pub(super) file: String,
    pub(super) size: (usize, usize),
    pub(super) keypoints: Keypoints,
    pub(super) group: Option<String>,
    pub(super) face_box: Option<FaceBox>,
    pub(super) boxes: Vec<LabeledBox>,
    pub(super) attributes: Vec<String>,
    pub(super) is_face: bool,
}
