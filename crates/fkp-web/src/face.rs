//! A face as JavaScript gets it; the TypeScript types are in `typescript.rs`.

use fkp_model::{Face, FaceKeypoint, HeadPose, TrackedFace};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebFace<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<f64>,
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    bounds: Option<[f64; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    face_score: Option<f32>,
    keypoints: Vec<FaceKeypoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pose: Option<HeadPose>,
}

impl<'a> WebFace<'a> {
    pub(crate) fn new(face: &'a Face) -> Self {
        let detection = face.detection();
        Self {
            id: None,
            bounds: detection.map(|found| found.bounds.to_image_edges()),
            score: detection.map(|found| found.score),
            face_score: face.score(),
            keypoints: face.keypoints().collect(),
            pose: face.pose(),
        }
    }

    /// A face of a video. JavaScript numbers are exact up to 2⁵³.
    pub(crate) fn tracked(tracked: &'a TrackedFace) -> Self {
        Self {
            id: Some(tracked.id as f64),
            ..Self::new(&tracked.face)
        }
    }
}
