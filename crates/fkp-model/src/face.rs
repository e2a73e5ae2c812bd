//! The keypoints of a face, as they are returned.

use crate::HeadPose;
use fkp_core::{Calibration, CropSquare, Detection, Keypoints, Prediction, Schema};
use serde::Serialize;
use std::sync::Arc;

/// The keypoints of one face, in pixels of the image (pixel centers at integers).
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    pub(crate) schema: Arc<Schema>,
    pub(crate) prediction: Prediction,
    pub(crate) crop: CropSquare,
    pub(crate) pose: Option<HeadPose>,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) detection: Option<Detection>,
}

/// One keypoint of a face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FaceKeypoint<'a> {
    /// The keypoint's name in the model's schema. Left and right are the subject's.
    pub name: &'a str,
    /// Column, in pixels of the image.
    pub x: f32,
    /// Row, in pixels of the image.
    pub y: f32,
    /// Standard deviation of x and of y, in pixels of the image; NaN if the model does not predict
    /// it.
    pub sigma: f32,
}

impl Face {
    /// The keypoints by name, in the schema's order.
    pub fn keypoints(&self) -> impl Iterator<Item = FaceKeypoint<'_>> {
        let names = self.schema.keypoints().iter().enumerate();
        names
            .zip(self.prediction.keypoints.iter())
            .map(|((i, name), keypoint)| FaceKeypoint {
                name,
                x: keypoint.x,
                y: keypoint.y,
                sigma: self.sigmas().map_or(f32::NAN, |sigma| sigma[i]),
            })
    }

    /// The keypoint of this name.
    pub fn keypoint(&self, name: &str) -> Option<FaceKeypoint<'_>> {
        self.keypoints().find(|keypoint| keypoint.name == name)
    }

    /// The positions only, in the schema's order.
    pub fn positions(&self) -> &Keypoints {
        &self.prediction.keypoints
    }

    /// The standard deviations only, in the schema's order.
    pub fn sigmas(&self) -> Option<&[f32]> {
        self.prediction.sigma_px.as_deref()
    }

    /// Half the width of the interval around a predicted coordinate that contains the true one with
    /// a probability, in standard deviations: `p.x ± face.interval(0.95).unwrap() * p.sigma`. As
    /// measured on samples that the model was not trained on, where the model file says so. `None`
    /// if the model does not predict standard deviations.
    pub fn interval(&self, probability: f64) -> Option<f32> {
        let calibration = self.calibration.as_ref();
        calibration.map(|calibration| calibration.half_width(probability) as f32)
    }

    /// The probability that the crop is that of a face, from 0 to 1: that of the first crop with
    /// [`DetectOptions::refine`](crate::DetectOptions::refine), the mean with that of the mirror
    /// image with `flip`. `None` if the model does not predict it; of the pretrained models,
    /// [`Pretrained::Fast`](crate::Pretrained::Fast) does.
    ///
    /// ```
    /// use fkp_model::{Image, Landmarker};
    /// let landmarker = Landmarker::pretrained()?;
    /// let empty = landmarker.detect(&Image::filled(96, 96, 1, 128))?;
    /// assert!(empty.score() < landmarker.score_threshold());
    /// # Ok::<(), fkp_model::ModelError>(())
    /// ```
    pub fn score(&self) -> Option<f32> {
        self.prediction.face_score
    }

    /// The box of the face detector and its score, as
    /// [`Landmarker::detect_faces`](crate::Landmarker::detect_faces) corrects it; `None` if the box or the crop
    /// was given, and in frames in which a [`Tracker`](crate::Tracker) followed the face without the detector.
    pub fn detection(&self) -> Option<Detection> {
        self.detection
    }

    /// The orientation of the head, from the 68 keypoints of the schema `ibug68`; `None` if the
    /// model does not predict these.
    pub fn pose(&self) -> Option<HeadPose> {
        self.pose
    }

    /// The square of the image that the network saw.
    pub fn crop(&self) -> CropSquare {
        self.crop
    }
}
