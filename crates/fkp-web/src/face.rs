//! A face as JavaScript gets it; the TypeScript types are in `typescript.rs`.

use fkp_model::{Face, FaceKeypoint, TrackedFace};
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
    keypoints: Vec<WebKeypoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pose: Option<Pose>,
}

#[derive(Serialize)]
struct WebKeypoint<'a> {
    name: &'a str,
    x: f32,
    y: f32,
    sigma: f32,
}

#[derive(Serialize)]
struct Pose {
    yaw: f32,
    pitch: f32,
    roll: f32,
}

impl<'a> WebFace<'a> {
    pub(crate) fn new(face: &'a Face) -> Self {
        let detection = face.detection();
        Self {
            id: None,
            bounds: detection.map(|found| found.bounds.to_image_edges()),
            score: detection.map(|found| found.score),
            face_score: face.score(),
            keypoints: face.keypoints().map(WebKeypoint::from).collect(),
            pose: face.pose().map(|pose| Pose {
                yaw: pose.yaw,
                pitch: pose.pitch,
                roll: pose.roll,
            }),
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

impl<'a> From<FaceKeypoint<'a>> for WebKeypoint<'a> {
    fn from(keypoint: FaceKeypoint<'a>) -> Self {
        Self {
            name: keypoint.name,
            x: keypoint.x,
            y: keypoint.y,
            sigma: keypoint.sigma,
        }
    }
}
