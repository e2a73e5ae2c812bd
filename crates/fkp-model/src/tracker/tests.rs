//! The tracker: identities, lost faces, options.

use super::*;
use fkp_core::{Detection, Detector};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Finds a square where a bright square is.
struct Squares(AtomicUsize);

impl Detector for Squares {
    fn detect(
        &self,
        image: &Image,
    ) -> Result<Vec<Detection>, Box<dyn std::error::Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let mut found = Vec::new();
        for x in (0..image.width()).step_by(20) {
            if image.pixel(x, 0)[0] == 255 {
                found.push(Detection {
                    bounds: BoundingBox::from_image_edges(x as f64, 60.0, 60.0, 75.0),
                    score: 0.9,
                });
            }
        }
        Ok(found)
    }
}

/// A gray image with a mark above each face that the detector is to find.
fn image(faces: &[usize]) -> Image {
    let mut image = Image::filled(400, 200, 1, 128);
    for x in faces {
        image.pixel_mut(*x, 0)[0] = 255;
    }
    image
}

fn tracker(options: TrackerOptions) -> (Tracker, Arc<Squares>) {
    let squares = Arc::new(Squares(AtomicUsize::new(0)));
    let landmarker = Landmarker::pretrained().unwrap();
    let landmarker = landmarker.with_detector(Arc::clone(&squares));
    (
        Tracker::new(landmarker).with_options(options).unwrap(),
        squares,
    )
}

/// Every image counts as a face.
const ALL: TrackerOptions = TrackerOptions {
    detect_every: 4,
    min_face_score: 0.0,
    smoothing: None,
};

#[test]
fn faces_keep_their_identities_and_the_detector_rests() {
    let (mut tracker, detector) = tracker(ALL);
    let ids = |faces: Vec<TrackedFace>| faces.iter().map(|face| face.id).collect::<Vec<_>>();
    let frame = image(&[40, 240]);
    assert_eq!(ids(tracker.update(&frame, 0.0).unwrap()), [0, 1]);
    for i in 1..4 {
        // Not detected, and followed all the same.
        let found = ids(tracker.update(&image(&[]), f64::from(i) / 30.0).unwrap());
        assert!(
            !found.is_empty() && found.iter().all(|id| *id < 2),
            "{found:?}"
        );
    }
    assert_eq!(detector.0.load(Ordering::Relaxed), 1);
    let seen = tracker.update(&frame, 4.0 / 30.0).unwrap();
    assert_eq!(detector.0.load(Ordering::Relaxed), 2);
    // Both places have a face, and none has two.
    let square = |tracked: &TrackedFace| tracked.face.crop().bounds();
    for x in [40.0, 240.0] {
        let place = FaceBox::face(BoundingBox::from_image_edges(x, 60.0, 60.0, 75.0));
        let crop = tracker.landmarker().detect_in(&frame, &place).unwrap();
        let at = seen
            .iter()
            .filter(|seen| square(seen).iou(&crop.crop().bounds()) > 0.3);
        assert!(at.count() >= 1, "no face at {x}: {seen:?}");
    }
    for (i, a) in seen.iter().enumerate() {
        let twice = seen[..i]
            .iter()
            .any(|b| square(a).iou(&square(b)) > SAME_FACE_IOU);
        assert!(!twice, "{seen:?}");
    }
}

/// Two boxes of one face.
#[test]
fn a_face_that_is_detected_twice_is_followed_once() {
    let (mut tracker, _) = tracker(ALL);
    let seen = tracker.update(&image(&[40, 60]), 0.0).unwrap();
    let ids: Vec<u64> = seen.iter().map(|face| face.id).collect();
    assert_eq!(ids, [0]);
}

#[test]
fn a_face_that_is_not_detected_twice_is_lost() {
    let (mut tracker, _) = tracker(TrackerOptions {
        detect_every: 1,
        ..ALL
    });
    assert_eq!(tracker.update(&image(&[40]), 0.0).unwrap().len(), 1);
    assert!(tracker.update(&image(&[]), 0.03).unwrap().len() <= 1);
    assert!(tracker.update(&image(&[]), 0.06).unwrap().is_empty());
    // Found again, it is another face.
    let found = tracker.update(&image(&[40]), 0.09).unwrap();
    assert_eq!(found[0].id, 1);
}

#[test]
fn a_gray_crop_is_no_face_for_the_score() {
    let (mut tracker, _) = tracker(TrackerOptions {
        min_face_score: 0.9,
        ..ALL
    });
    assert!(tracker.update(&image(&[40]), 0.0).unwrap().is_empty());
    assert!(tracker.update(&image(&[]), 0.03).unwrap().is_empty());
}

#[test]
fn invalid_options_are_refused() {
    let refused = |options: TrackerOptions| {
        let tracker = Tracker::new(Landmarker::pretrained().unwrap());
        tracker.with_options(options).err().unwrap().to_string()
    };
    let zero = TrackerOptions {
        detect_every: 0,
        ..ALL
    };
    assert!(refused(zero).contains("detect_every"));
    let score = TrackerOptions {
        min_face_score: f32::NAN,
        ..ALL
    };
    assert!(refused(score).contains("min_face_score"));
}
