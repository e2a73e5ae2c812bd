//! A sample: an image with its annotations.

use crate::{FaceBox, Image, Keypoints, KeypointsError, LabeledBox, Schema};

/// The keypoints of a sample do not match the schema.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keypoints of sample `{id}` do not fit the schema")]
#[non_exhaustive]
pub struct SampleError {
    /// The sample's [`Sample::id`].
    pub id: String,
    /// The mismatch between keypoints and schema.
    #[source]
    pub source: KeypointsError,
}

crate::debug_as_sentence!(SampleError);

impl SampleError {
    /// The error of the sample with this id.
    pub fn new(id: impl Into<String>, source: KeypointsError) -> Self {
        Self {
            id: id.into(),
            source,
        }
    }
}

/// An image with its keypoints, in the image's own pixel frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where the sample comes from, for messages and reports: a file name, or file and row.
    pub id: String,
    /// The image.
    pub image: Image,
    /// The keypoints in the schema's order, in pixels of `image`.
    pub keypoints: Keypoints,
    /// The person (patient, video, …) in the image, if known: a split never divides a group.
    pub group: Option<String>,
    /// The face's box in pixels of `image`, if the data set has one.
    pub face_box: Option<FaceBox>,
    /// All faces of `image`, in a data set for face detection; else empty.
    pub boxes: Vec<LabeledBox>,
    /// Whether the image shows a face, or whatever the keypoints belong to. `false` for a negative
    /// sample: it has no labels, metrics of keypoints ignore it, and the target of its face score is 0.
    pub is_face: bool,
    /// The attributes that the data set lists for this sample, such as `occlusion` or `make-up`.
    pub attributes: Vec<String>,
}

impl Sample {
    /// A sample of a face, without group and face box.
    pub fn new(id: impl Into<String>, image: Image, keypoints: Keypoints) -> Self {
        Self {
            id: id.into(),
            image,
            keypoints,
            group: None,
            face_box: None,
            boxes: Vec::new(),
            is_face: true,
            attributes: Vec::new(),
        }
    }

    /// Checks that the number of keypoints is that of the schema.
    ///
    /// # Errors
    /// If it has more or fewer.
    pub fn check_count(&self, schema: &Schema) -> Result<(), SampleError> {
        let checked = self.keypoints.check_count(schema);
        checked.map_err(|source| SampleError::new(&self.id, source))
    }
}
