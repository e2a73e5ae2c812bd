//! The JSON file of COCO keypoints.

use super::label::Label;
use crate::DataError;
use fkp_core::{BoxConvention, Schema, Visibility};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Serialize)]
struct Document<'a> {
    images: Vec<Image<'a>>,
    annotations: Vec<Annotation>,
    categories: [Category<'a>; 1],
}

#[derive(Serialize)]
struct Image<'a> {
    id: usize,
    file_name: &'a str,
    width: usize,
    height: usize,
}

#[derive(Serialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: usize,
    keypoints: Vec<f64>,
    num_keypoints: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[f64; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<f64>,
    iscrowd: u8,
}

#[derive(Serialize)]
struct Category<'a> {
    id: usize,
    name: &'a str,
    keypoints: &'a [String],
    skeleton: Vec<[usize; 2]>,
}

/// The file. A sample without a labeled keypoint is an image without an annotation.
pub(super) fn text(schema: &Schema, labels: &[Label]) -> Result<Vec<u8>, DataError> {
    let mut images: Vec<Image<'_>> = Vec::new();
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    let mut annotations = Vec::new();
    for label in labels {
        let image_id = *ids.entry(&label.file).or_insert_with(|| {
            let (width, height) = label.size;
            images.push(Image {
                id: images.len() + 1,
                file_name: &label.file,
                width,
                height,
            });
            images.len()
        });
        let num_keypoints = label.keypoints.labeled().count();
        if num_keypoints == 0 {
            continue;
        }
        // The box of a face; one by another convention would be read as one.
        let face_box = label.face_box.as_ref();
        let face_box = face_box.filter(|face_box| face_box.convention == BoxConvention::Face);
        annotations.push(Annotation {
            id: annotations.len() + 1,
            image_id,
            category_id: 1,
            keypoints: label.keypoints.iter().flat_map(triple).collect(),
            num_keypoints,
            bbox: face_box.map(|face_box| face_box.bounds.to_image_edges()),
            area: face_box.map(|face_box| face_box.bounds.width * face_box.bounds.height),
            iscrowd: 0,
        });
    }
    let document = Document {
        images,
        annotations,
        categories: [Category {
            id: 1,
            name: schema.name(),
            keypoints: schema.keypoints(),
            // Keypoints of a skeleton count from 1.
            skeleton: schema
                .skeleton()
                .iter()
                .map(|(a, b)| [a + 1, b + 1])
                .collect(),
        }],
    };
    let text = serde_json::to_vec(&document);
    text.map_err(|error| DataError::write(Path::new("annotations.json"))(error.into()))
}

/// x, y and the flag of a keypoint. One out of frame is labeled; its position says where it is.
fn triple(keypoint: &fkp_core::Keypoint) -> [f64; 3] {
    let (x, y) = (f64::from(keypoint.x), f64::from(keypoint.y));
    match keypoint.visibility {
        Visibility::Unlabeled => [0.0; 3],
        Visibility::Occluded => [x, y, 1.0],
        Visibility::Visible | Visibility::OutOfFrame => [x, y, 2.0],
    }
}
