//! Values that several formats write as COCO does: visibility flags and face boxes.

use crate::error::AnnotationError;
use fkp_core::{BoundingBox, FaceBox, Visibility};

/// The visibility of a keypoint (counted from 0): 0 for one without a label, 1 for an occluded and
/// 2 for a visible one.
pub(crate) fn visibility(keypoint: usize, flag: f64) -> Result<Visibility, AnnotationError> {
    match flag {
        0.0 => Ok(Visibility::Unlabeled),
        1.0 => Ok(Visibility::Occluded),
        2.0 => Ok(Visibility::Visible),
        given => Err(AnnotationError::InvalidVisibility { keypoint, given }),
    }
}

/// The face box of x, y, width and height, x and y from the outer edge of the image. `None` if they
/// are not four or not a box: an invalid box is not an error.
pub(crate) fn face_box(sides: &[f64]) -> Option<FaceBox> {
    let [x, y, width, height] = *sides else {
        return None;
    };
    let given = BoundingBox::from_image_edges(x, y, width, height);
    given.is_usable().then(|| FaceBox::face(given))
}

/// The same for a JSON value.
pub(crate) fn face_box_of_json(value: Option<&serde_json::Value>) -> Option<FaceBox> {
    let sides = value?.as_array()?.iter();
    let sides: Option<Vec<f64>> = sides.map(serde_json::Value::as_f64).collect();
    face_box(&sides?)
}
