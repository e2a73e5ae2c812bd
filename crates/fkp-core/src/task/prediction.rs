//! The prediction of a network for one image.

use crate::{Affine, Detection, Keypoints, SchemaMap};

/// The keypoints that a model predicts in an image, with the standard deviation of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// The keypoints in pixels of the image.
    pub keypoints: Keypoints,
    /// The standard deviation of each keypoint's x and y, in pixels of the image; `None` if the
    /// network does not predict it.
    pub sigma_px: Option<Vec<f32>>,
    /// The probability that the image is a face, from 0 to 1; `None` if the network does not predict
    /// it.
    pub face_score: Option<f32>,
    /// The faces that a network for face detection finds, in pixels of the image, those with the
    /// highest score first; else empty.
    pub detections: Vec<Detection>,
}

impl Prediction {
    /// Keypoints without standard deviations.
    pub fn new(keypoints: Keypoints) -> Self {
        Self {
            keypoints,
            sigma_px: None,
            face_score: None,
            detections: Vec::new(),
        }
    }

    /// The prediction in another frame: the positions are mapped, and the standard deviations are
    /// multiplied by the map's scale, √|determinant|.
    ///
    /// ```
    /// use fkp_core::{Affine, Keypoints, Prediction};
    /// let mut found = Prediction::new(Keypoints::from_xy(&[[1.0, 2.0]]));
    /// found.sigma_px = Some(vec![0.5]);
    /// let twice = found.map(&Affine::scale_about((0.0, 0.0), 2.0, 2.0)?);
    /// assert_eq!(twice.keypoints, Keypoints::from_xy(&[[2.0, 4.0]]));
    /// assert_eq!(twice.sigma_px, Some(vec![1.0]));
    /// # Ok::<(), fkp_core::AffineError>(())
    /// ```
    pub fn map(&self, dst_from_src: &Affine) -> Self {
        let scale = dst_from_src.determinant().abs().sqrt() as f32;
        let sigma_px = self.sigma_px.as_ref();
        Self {
            keypoints: self.keypoints.map(dst_from_src),
            sigma_px: sigma_px.map(|sigma| sigma.iter().map(|s| s * scale).collect()),
            face_score: self.face_score,
            detections: self
                .detections
                .iter()
                .map(|found| found.map(dst_from_src))
                .collect(),
        }
    }

    /// The prediction in another schema. The standard deviation of a mean of keypoints is the mean
    /// of theirs, as if their errors were fully correlated, which is the most that it can be; it is
    /// NaN where the keypoint is unlabeled.
    ///
    /// # Panics
    /// If the map is from another number of keypoints.
    pub fn onto(&self, map: &SchemaMap) -> Self {
        let mean = |sigma: &Vec<f32>| {
            let sigma: Vec<f64> = sigma.iter().map(|s| f64::from(*s)).collect();
            let means = map.means(&sigma).into_iter();
            means.map(|s| s.map_or(f32::NAN, |s| s as f32)).collect()
        };
        Self {
            keypoints: map.apply(&self.keypoints),
            sigma_px: self.sigma_px.as_ref().map(mean),
            face_score: self.face_score,
            detections: self.detections.clone(),
        }
    }
}
