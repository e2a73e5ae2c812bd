//! A face that is followed.

use super::one_euro::{Filtered, OneEuro};
use crate::{Face, HeadPose};
use fkp_core::{BoundingBox, Detection, FaceBox, Keypoints};

/// Sides of two crops of a face, one frame after the other, differ by less than this factor.
const MAX_ZOOM: f64 = 1.6;

/// A standard deviation where the model does not predict it, in sides of the crop.
const DEFAULT_SIGMA: f64 = 0.01;

pub(super) struct Track {
    pub(super) id: u64,
    /// As predicted in the last frame.
    face: Face,
    /// How often the detector did not find it in a row.
    pub(super) missed: usize,
    /// Side of the crop before the last one.
    side_before: f64,
    /// x and y of each keypoint.
    filters: Vec<[Filtered; 2]>,
}

impl Track {
    pub(super) fn new(id: u64, face: Face) -> Self {
        Self {
            id,
            side_before: face.crop().side,
            face,
            missed: 0,
            filters: Vec::new(),
        }
    }

    /// The box of its keypoints, by which it is cropped in the next frame.
    pub(super) fn face_box(&self) -> FaceBox {
        let bounds = self.face.positions().bounding_box();
        match bounds.filter(BoundingBox::is_usable) {
            Some(bounds) => FaceBox::keypoints(bounds),
            None => FaceBox::crop(self.face.crop().bounds()),
        }
    }

    /// What the network saw of it.
    pub(super) fn square(&self) -> BoundingBox {
        self.face.crop().bounds()
    }

    /// Its prediction in the next frame.
    pub(super) fn follow(&mut self, face: Face) {
        self.side_before = self.face.crop().side;
        self.face = face;
    }

    /// What the detector says of it in this frame.
    pub(super) fn set_detection(&mut self, detection: Option<Detection>) {
        self.face.detection = detection;
    }

    /// Whether it is still a face: by its score, and because it is in the image and changed its size
    /// not too fast.
    pub(super) fn is_plausible(&self, (width, height): (usize, usize), min_score: f32) -> bool {
        let crop = self.face.crop();
        let zoom = crop.side / self.side_before;
        let (x, y) = crop.center;
        let is_inside = (0.0..width as f64).contains(&x) && (0.0..height as f64).contains(&y);
        let has_score = self.face.score().is_none_or(|score| score >= min_score);
        has_score && is_inside && (1.0 / MAX_ZOOM..MAX_ZOOM).contains(&zoom)
    }

    /// The face with smoothed positions, `seconds` after the last one.
    pub(super) fn smoothed(&mut self, smoothing: Option<&OneEuro>, seconds: f64) -> Face {
        let Some(smoothing) = smoothing else {
            return self.face.clone();
        };
        let positions = self.face.positions();
        if self.filters.len() != positions.len() {
            let at = positions.iter();
            let at = at.map(|p| [p.x, p.y].map(|v| Filtered::at(v.into())));
            self.filters = at.collect();
            return self.face.clone();
        }
        let fallback = DEFAULT_SIGMA * self.face.crop().side;
        let sigmas = self.face.sigmas();
        let mut smooth: Keypoints = positions.clone();
        for (i, (keypoint, state)) in smooth.iter_mut().zip(&mut self.filters).enumerate() {
            let sigma = sigmas.map_or(fallback, |sigmas| f64::from(sigmas[i]));
            let sigma = if sigma > 0.0 { sigma } else { fallback };
            for (value, state) in [&mut keypoint.x, &mut keypoint.y].into_iter().zip(state) {
                *value = smoothing.next(state, (*value).into(), sigma, seconds) as f32;
            }
        }
        let mut face = self.face.clone();
        face.pose = face.pose.and(HeadPose::from_ibug68(&smooth).or(face.pose));
        face.prediction.keypoints = smooth;
        face
    }
}
