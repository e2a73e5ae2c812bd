//! Faces of a video: found, followed from frame to frame, and smoothed.

mod one_euro;
mod track;

pub use one_euro::OneEuro;

use crate::{Face, Landmarker, ModelError};
use fkp_core::{BoundingBox, FaceBox, Image};
use track::Track;

/// How a [`Tracker`] follows faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerOptions {
    /// Every how many frames the detector runs, at least 1. It also runs on frames in which no face is
    /// followed.
    pub detect_every: usize,
    /// A face is followed no longer when its [score](Face::score) is below this, in 0..=1, if the model
    /// predicts one. It also ends when two runs of the detector in a row do not find it, when it leaves the
    /// image, and when its size changes by more than a factor of 1.6 from one frame to the next.
    pub min_face_score: f32,
    /// The filter of the positions; `None` returns them as predicted.
    pub smoothing: Option<OneEuro>,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self {
            detect_every: 10,
            min_face_score: 0.3,
            smoothing: Some(OneEuro::default()),
        }
    }
}

/// A face of a video frame.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedFace {
    /// The same in all frames in which the face is followed; never used again after it.
    pub id: u64,
    /// The face, its positions and pose smoothed if the options say so; standard deviations and score
    /// are those of the prediction.
    pub face: Face,
}

/// Follows the faces of a video: in each frame, a face is cropped by its keypoints of the last one,
/// which takes less time than to detect it and keeps its identity. The detector finds new faces, and
/// those that were lost.
///
/// ```
/// use fkp_model::{Image, Landmarker, Tracker};
/// let mut tracker = Tracker::new(Landmarker::pretrained()?);
/// for frame in 0..3 {
///     let image = Image::filled(320, 240, 3, 100);
///     let seconds = f64::from(frame) / 30.0;
///     for tracked in tracker.update(&image, seconds)? {
///         println!("{} {:?}", tracked.id, tracked.face.keypoint("30"));
///     }
/// }
/// # Ok::<(), fkp_model::ModelError>(())
/// ```
pub struct Tracker {
    landmarker: Landmarker,
    options: TrackerOptions,
    tracks: Vec<Track>,
    /// Frames since the detector ran.
    since_detection: usize,
    next_id: u64,
    /// Time of the last frame.
    seconds: Option<f64>,
}

/// Squares that overlap by more are of one face.
const SAME_FACE_IOU: f64 = 0.35;

/// A face that the detector does not find so often in a row is lost.
const MAX_MISSED: usize = 2;

impl Tracker {
    /// A tracker with the default options. Faces are found by the detector of the landmarker.
    pub fn new(landmarker: Landmarker) -> Self {
        Self {
            landmarker,
            options: TrackerOptions::default(),
            tracks: Vec::new(),
            since_detection: 0,
            next_id: 0,
            seconds: None,
        }
    }

    /// The same with other options.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn with_options(self, options: TrackerOptions) -> Result<Self, ModelError> {
        if options.detect_every == 0 {
            return Err(ModelError::config(
                "detect_every",
                "must be at least 1, got 0",
            ));
        }
        let score = options.min_face_score;
        if !(0.0..=1.0).contains(&score) {
            let problem = format!("must be in 0..=1, got {score}");
            return Err(ModelError::config("min_face_score", problem));
        }
        if let Some(smoothing) = &options.smoothing {
            smoothing.validate()?;
        }
        Ok(Self { options, ..self })
    }

    /// The faces of the next frame, `seconds` after the start of the video, in the order in which they
    /// appeared. If `seconds` is not greater than for the frame before, 1/30 s is assumed.
    ///
    /// # Errors
    /// If the detector or a tensor operation fails.
    pub fn update(&mut self, image: &Image, seconds: f64) -> Result<Vec<TrackedFace>, ModelError> {
        let passed = self.seconds.map(|last| seconds - last);
        let passed = passed.filter(|passed| *passed > 0.0).unwrap_or(1.0 / 30.0);
        self.seconds = Some(seconds);
        self.follow(image)?;
        self.since_detection += 1;
        if self.tracks.is_empty() || self.since_detection >= self.options.detect_every {
            self.since_detection = 0;
            self.detect(image)?;
        }
        let smoothing = self.options.smoothing.as_ref();
        let faces = self.tracks.iter_mut().map(|track| TrackedFace {
            id: track.id,
            face: track.smoothed(smoothing, passed),
        });
        Ok(faces.collect())
    }

    /// The landmarker.
    pub fn landmarker(&self) -> &Landmarker {
        &self.landmarker
    }

    /// Predicts the faces of the last frame in this one, and forgets those that are lost.
    fn follow(&mut self, image: &Image) -> Result<(), ModelError> {
        let boxes: Vec<FaceBox> = self.tracks.iter().map(Track::face_box).collect();
        let faces = self.landmarker.detect_in_boxes(image, &boxes)?;
        for (track, face) in self.tracks.iter_mut().zip(faces) {
            track.follow(face);
        }
        let min_score = self.options.min_face_score;
        self.tracks
            .retain(|track| track.is_plausible(image.size(), min_score));
        // Two that came to the same face: the one that appeared first stays.
        let mut kept: Vec<BoundingBox> = Vec::new();
        self.tracks.retain(|track| {
            let square = track.square();
            let is_new = !kept.iter().any(|other| other.iou(&square) > SAME_FACE_IOU);
            if is_new {
                kept.push(square);
            }
            is_new
        });
        Ok(())
    }

    /// Adds the faces that are not followed yet.
    fn detect(&mut self, image: &Image) -> Result<(), ModelError> {
        let mut is_found = vec![false; self.tracks.len()];
        for face in self.landmarker.detect_faces(image)? {
            let square = face.crop().bounds();
            let overlap = |track: &Track| track.square().iou(&square);
            // Each track is at most one of the detections.
            let free = (0..is_found.len()).filter(|index| !is_found[*index]);
            let known = free
                .map(|index| (index, overlap(&self.tracks[index])))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((index, iou)) = known
                && iou > SAME_FACE_IOU
            {
                is_found[index] = true;
                self.tracks[index].set_detection(face.detection());
                continue;
            }
            // What the next frame would forget again is not added.
            let is_known = self
                .tracks
                .iter()
                .any(|track| overlap(track) > SAME_FACE_IOU);
            let track = Track::new(self.next_id, face);
            if !is_known && track.is_plausible(image.size(), self.options.min_face_score) {
                self.tracks.push(track);
                self.next_id += 1;
            }
        }
        for (track, is_found) in self.tracks.iter_mut().zip(is_found) {
            track.missed = match is_found {
                true => 0,
                false => track.missed + 1,
            };
        }
        self.tracks.retain(|track| track.missed < MAX_MISSED);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
