//! What is written: JSON and a table of the keypoints, and overlays.

use anyhow::{Context, Result};
use fkp_core::Affine;
use fkp_draw::{Colors, draw_box, draw_keypoints, enlarge};
use fkp_model::{Face, HeadPose, Image, Schema};
use image::Rgb;
use serde::Serialize;
use std::path::Path;

/// The faces of an image.
#[derive(Serialize)]
pub(crate) struct Prediction {
    file: String,
    width: usize,
    height: usize,
    faces: Vec<PredictedFace>,
}

#[derive(Serialize)]
struct PredictedFace {
    /// x, y, width and height in pixels of a face that was detected; x and y from the outer edge of
    /// the image, as `--box` takes them.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    bounds: Option<[f64; 4]>,
    /// The corrected score of the detector; of the model where the box or the crop was given, if it has one.
    /// In a video, only in the frames in which the detector runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    keypoints: Vec<NamedKeypoint>,
    /// The orientation of the head in degrees, where the model has the keypoints for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pose: Option<HeadPose>,
}

#[derive(Serialize)]
struct NamedKeypoint {
    name: String,
    x: f32,
    y: f32,
    /// Standard deviation in pixels, where the model gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma: Option<f32>,
}

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    /// Number of the face in the image, from 0.
    face: usize,
    keypoint: &'a str,
    x: f32,
    y: f32,
    sigma: Option<f32>,
}

impl Prediction {
    /// The faces of a video frame, whose scores are those of detections only.
    pub(crate) fn of_frame(file: &Path, image: &Image, faces: &[Face]) -> Self {
        let mut prediction = Self::new(file, image, faces);
        for (predicted, face) in prediction.faces.iter_mut().zip(faces) {
            predicted.score = face.detection().map(|found| found.score);
        }
        prediction
    }

    pub(crate) fn new(file: &Path, image: &Image, faces: &[Face]) -> Self {
        Self {
            file: file.display().to_string(),
            width: image.width(),
            height: image.height(),
            faces: faces.iter().map(PredictedFace::new).collect(),
        }
    }

    /// Number of faces.
    pub(crate) fn count(&self) -> usize {
        self.faces.len()
    }
}

impl PredictedFace {
    fn new(face: &Face) -> Self {
        let named = face.keypoints().map(|keypoint| NamedKeypoint {
            name: keypoint.name.to_owned(),
            x: keypoint.x,
            y: keypoint.y,
            sigma: keypoint.sigma.is_finite().then_some(keypoint.sigma),
        });
        let detection = face.detection();
        Self {
            bounds: detection.map(|found| found.bounds.to_image_edges()),
            score: detection.map(|found| found.score).or(face.score()),
            keypoints: named.collect(),
            pose: face.pose(),
        }
    }
}

/// Writes the overlay: the keypoints of each face in a size that suits it, and its box where it was
/// detected. Small images are enlarged, so that the discs do not hide the faces.
pub(crate) fn draw(schema: &Schema, image: &Image, faces: &[Face], path: &Path) -> Result<()> {
    let longer = image.width().max(image.height()) as f64;
    let (mut canvas, map): (_, Affine) = enlarge(image, (480.0 / longer).max(1.0))?;
    for face in faces {
        let scale = map.determinant().abs().sqrt();
        let side = face.crop().side * scale;
        // The keypoints of a small face would hide it.
        let radius = ((side / 200.0).round() as i32).min(12);
        if let Some(found) = face.detection() {
            let thickness = (radius as u32).clamp(1, 4);
            draw_box(
                &mut canvas,
                &found.bounds,
                &map,
                Rgb([90, 160, 255]),
                thickness,
            );
        }
        let keypoints = face.positions();
        draw_keypoints(&mut canvas, keypoints, &map, schema, Colors::BySide, radius);
    }
    let saved = canvas.save(path);
    saved.with_context(|| format!("{}: cannot write the overlay", path.display()))
}

pub(crate) fn write_csv(path: &Path, predictions: &[Prediction]) -> Result<()> {
    let table = csv::Writer::from_path(path);
    let mut table = table.with_context(|| format!("{}: cannot write", path.display()))?;
    for prediction in predictions {
        for (number, face) in prediction.faces.iter().enumerate() {
            for keypoint in &face.keypoints {
                table.serialize(Row {
                    file: &prediction.file,
                    face: number,
                    keypoint: &keypoint.name,
                    x: keypoint.x,
                    y: keypoint.y,
                    sigma: keypoint.sigma,
                })?;
            }
        }
    }
    table.flush()?;
    Ok(())
}
