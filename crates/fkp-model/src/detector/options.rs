//! Options of a face detection.

use crate::ModelError;

/// At which scale a [`FaceDetector`](super::FaceDetector) searches, and which faces it returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorOptions {
    /// The height of the smallest face to find, in pixels of the image, from 1 to 10⁶: the network gets
    /// the image scaled by [`Self::SMALLEST_PX`] / `min_face_px`. In an image larger than
    /// [`Self::max_side`] the smallest faces are larger.
    pub min_face_px: f64,
    /// The longer side of what the network gets, in pixels, from 32 to 8192: larger images are reduced
    /// to it, so that their smallest faces are not found. The time is proportional to its square.
    pub max_side: usize,
    /// The lowest score of a face that is returned, from 0 to 1. Detections with a score below 0.02
    /// are never returned.
    /// [`Landmarker::detect_faces`](crate::Landmarker::detect_faces) compares it with the corrected score, and if
    /// no face reaches it may return one with a lower score.
    pub min_score: f32,
}

impl Default for DetectorOptions {
    /// `min_face_px` 16, `max_side` 640, `min_score` ½. A detector has the `min_score` of its model file:
    /// to change another option, start from [`FaceDetector::options`](super::FaceDetector::options).
    fn default() -> Self {
        Self {
            min_face_px: Self::SMALLEST_PX,
            max_side: 640,
            min_score: 0.5,
        }
    }
}

impl DetectorOptions {
    /// The height of the smallest faces that the network finds, in its own pixels.
    pub const SMALLEST_PX: f64 = 16.0;

    /// The longer side of the smallest image that the network gets in addition to the first, in
    /// pixels, so that also a face that fills the whole image is small enough at one of the scales.
    const COARSEST_PX: f64 = 64.0;

    /// The longer side of the smallest faces that are taken from these images, in their pixels.
    pub(super) const COARSE_PX: f64 = 32.0;

    /// Checks every field.
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        let Self {
            min_face_px,
            max_side,
            min_score,
        } = *self;
        let refuse = |field, problem| Err(ModelError::config(field, problem));
        if !(1.0..=1e6).contains(&min_face_px) {
            return refuse(
                "min_face_px",
                format!("must be in 1..=1e6, got {min_face_px}"),
            );
        }
        if !(32..=8192).contains(&max_side) {
            return refuse("max_side", format!("must be in 32..=8192, got {max_side}"));
        }
        if !(0.0..=1.0).contains(&min_score) {
            return refuse("min_score", format!("must be in 0..=1, got {min_score}"));
        }
        Ok(())
    }

    /// The factors from the image to what the network gets: the first for the smallest faces, and
    /// halves of it for faces too large for the network to see them whole.
    pub(super) fn scales(&self, (width, height): (usize, usize)) -> impl Iterator<Item = f64> {
        let longer = width.max(height) as f64;
        let first = (Self::SMALLEST_PX / self.min_face_px).min(self.max_side as f64 / longer);
        std::iter::successors(Some(first), move |scale| {
            let half = scale / 2.0;
            (half * longer >= Self::COARSEST_PX).then_some(half)
        })
    }
}
