//! The face detectors that ship, measured as their cards say.

use crate::common::{card, check_digest, stated};
use fkp_core::{
    BoundingBox, Candidates, Dataset, Detection, Detector, Image, Keypoints, LabeledBox, Schema,
    SchemaMap,
};
use fkp_data::{OpenOptions, Split};
use fkp_examples::DetectionMeasurements;
use fkp_model::{DetectorOptions, Face, FaceDetector, Landmarker, Pretrained, PretrainedDetector};
use fkp_synth::{SceneConfig, SynthScenes};
use fkp_test_support::shared_set;
use std::error::Error;
use std::path::Path;

#[test]
fn the_files_of_the_detectors_have_the_checksums_of_their_crates_and_cards() {
    for &detector in PretrainedDetector::ALL {
        check_digest(&detector.weights());
    }
}

/// The average precision on photographs is at least that of the card, up to rounding.
#[test]
fn no_average_precision_is_lower_than_the_card_says() {
    let Some(wider) = shared_set("wider") else {
        return;
    };
    let options = OpenOptions {
        split: Split::Val,
        ..OpenOptions::default()
    };
    let photographs = fkp_data::open(wider, &options).unwrap().dataset;
    for &detector in PretrainedDetector::ALL {
        let loaded = FaceDetector::from_pretrained(detector).unwrap();
        let scorer = match detector {
            PretrainedDetector::Faces => Pretrained::Fast,
            _ => Pretrained::ResearchFast,
        };
        let landmarker = Landmarker::from_pretrained(scorer).unwrap();
        let measured =
            [None, Some(&landmarker)].map(|l| DetectionMeasurements::new(&loaded, l, &photographs));
        let [alone, corrected] = measured.map(Result::unwrap);
        let alone = alone.precision().map(|from| (from, ""));
        let corrected = corrected
            .precision()
            .map(|from| (from, ", with the face score"));
        for (from, how) in alone.into_iter().chain(corrected) {
            let measurement = format!("faces from {} px{how} |", from.min_height_px);
            let found = 100.0 * from.average_precision.unwrap();
            let stated = stated(&card(detector.name()), &measurement);
            println!(
                "{}, {measurement}: {found:.1} %, stated {stated} %",
                detector.name()
            );
            assert!(
                found >= stated - 0.15,
                "{measurement}: {found} %, stated {stated} %"
            );
        }
    }
}

/// The error of the 15 keypoints from the whole image, in percent of the distance of the outer eye
/// corners, where a face that is not found counts as 100 %; and the number of those.
fn whole_image(landmarker: &Landmarker, set: &Path) -> (f64, usize) {
    let options = OpenOptions {
        split: Split::Val,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(set, &options).unwrap().dataset;
    let map = SchemaMap::between(opened.schema(), &Schema::kaggle15()).unwrap();
    let (mut sum, mut missed) = (0.0, 0);
    for index in 0..opened.len() {
        let sample = opened.get(index).unwrap();
        let labels = map.apply(&sample.keypoints);
        let (x, y) = labels.bounding_box().unwrap().center();
        let faces = landmarker.detect_faces(&sample.image).unwrap();
        // The face with the highest score around the center of the labels.
        let found = faces.iter().find(|face| {
            let b = face.detection().unwrap().bounds;
            (b.x..b.x + b.width).contains(&x) && (b.y..b.y + b.height).contains(&y)
        });
        match found {
            Some(face) => sum += error(face.positions(), &labels),
            None => (sum, missed) = (sum + 1.0, missed + 1),
        }
    }
    (100.0 * sum / opened.len() as f64, missed)
}

/// The mean distance in distances of the outer eye corners, at most 1.
fn error(found: &Keypoints, labels: &Keypoints) -> f64 {
    let schema = Schema::kaggle15();
    let corner = |name: &str| labels[schema.index_of(name).unwrap()];
    let eyes = corner("left_eye_outer_corner").distance(&corner("right_eye_outer_corner"));
    let distances = labels.labeled().map(|(i, label)| found[i].distance(label));
    let distances: Vec<f64> = distances.map(f64::from).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    (mean / f64::from(eyes)).min(1.0)
}

/// From the whole image to keypoints, with detector and keypoints of one kind of weights.
#[test]
fn no_error_from_the_whole_image_is_larger_than_the_card_says() {
    let pairs = [
        (PretrainedDetector::Faces, Pretrained::Fast),
        (
            PretrainedDetector::ResearchFaces,
            Pretrained::ResearchAccurate,
        ),
    ];
    for (detector, model) in pairs {
        let landmarker = Landmarker::from_pretrained(model).unwrap();
        let landmarker = landmarker.with_schema(&Schema::kaggle15()).unwrap();
        let found = FaceDetector::from_pretrained(detector).unwrap();
        let landmarker = landmarker.with_detector(found);
        for set in ["ibug68", "ytf68"] {
            let Some(folder) = shared_set(set) else {
                continue;
            };
            let (error, missed) = whole_image(&landmarker, &folder);
            let measurement = format!("`{set}` val, whole image");
            let stated = stated(&card(detector.name()), &measurement);
            println!(
                "{}, {measurement}: {error:.2} %, {missed} missed, stated {stated} %",
                detector.name()
            );
            assert!(
                error <= stated + 0.02,
                "{measurement}: {error} %, stated {stated} %"
            );
        }
    }
}

/// Scenes with one head each.
fn scenes() -> SynthScenes {
    let mut config = SceneConfig {
        count: 12,
        size: 256,
        ..SceneConfig::default()
    };
    config.heads.few = [1, 1];
    SynthScenes::new(config).unwrap()
}

#[test]
fn candidates_have_at_least_half_the_lowest_score() {
    let detector = FaceDetector::pretrained().unwrap();
    let from = |min_score| {
        let options = DetectorOptions {
            min_score,
            ..*detector.options()
        };
        detector.with_options(options).unwrap()
    };
    let scenes = scenes();
    let mut lower = 0;
    for index in 0..scenes.len() {
        let image = scenes.get(index).unwrap().image;
        let all = from(0.02).detect(&image).unwrap();
        let Some(strongest) = all.first() else {
            continue;
        };
        let min_score = strongest.score;
        let candidates = from(min_score).detect_candidates(&image).unwrap();
        let expected = all.iter().filter(|found| found.score >= min_score / 2.0);
        let expected: Vec<Detection> = expected.copied().collect();
        lower += expected.len() - 1;
        assert_eq!(candidates.found, expected);
        assert_eq!(candidates.min_score, Some(min_score));
    }
    assert!(lower > 0, "no scene has a doubtful detection");
}

/// A detector that finds the same in every image.
#[derive(Clone)]
struct Fixed(Candidates);

impl Detector for Fixed {
    fn detect(&self, _: &Image) -> Result<Vec<Detection>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.found.clone())
    }

    fn detect_candidates(&self, _: &Image) -> Result<Candidates, Box<dyn Error + Send + Sync>> {
        Ok(self.0.clone())
    }
}

/// A doubtful face is returned and a doubtful piece of background is not, by models with a face score of
/// their own and by those without one.
#[test]
fn the_face_score_decides_about_doubtful_detections() {
    let models = Pretrained::ALL.iter();
    let models = models.map(|model| Landmarker::from_pretrained(*model).unwrap());
    let models: Vec<Landmarker> = models.collect();
    let scenes = scenes();
    let (mut seen, mut faces, mut others) = (0, 0, 0);
    for index in 0..scenes.len() {
        let scene = scenes.get(index).unwrap();
        let is_large = |face: &&LabeledBox| !face.ignore && face.bounds.height >= 40.0;
        let corner = BoundingBox::from_image_edges(0.0, 0.0, 50.0, 60.0);
        let is_covered = |face: &LabeledBox| face.bounds.iou(&corner) > 0.0;
        let Some(face) = scene.boxes.iter().find(is_large) else {
            continue;
        };
        if scene.boxes.iter().any(is_covered) {
            continue;
        }
        seen += 1;
        let found = [face.bounds, corner].map(|bounds| Detection {
            bounds,
            score: 0.35,
        });
        let found_by = |min_score| {
            Fixed(Candidates {
                found: found.to_vec(),
                min_score,
            })
        };
        for model in &models {
            let bounds = |min_score| {
                let model = model.with_detector(found_by(min_score));
                let found = model.detect_faces(&scene.image).unwrap();
                let found = found.iter().filter_map(Face::detection);
                found.collect::<Vec<Detection>>()
            };
            assert_eq!(
                bounds(None),
                found,
                "without a limit all are faces as they are"
            );
            let is_sorted = |found: &[Detection]| found.is_sorted_by(|a, b| a.score >= b.score);
            let (all, kept) = (bounds(Some(0.0)), bounds(Some(0.4)));
            assert!(all.len() == 2 && is_sorted(&all));
            assert!(kept.iter().all(|kept| all.contains(kept)));
            let has = |bounds| kept.iter().any(|found| found.bounds == bounds);
            faces += usize::from(has(face.bounds));
            others += usize::from(has(corner));
        }
    }
    assert!(seen >= 5, "{seen} scenes");
    let asked = seen * models.len();
    assert!(10 * faces >= 7 * asked, "{faces} of {asked} faces");
    assert!(
        10 * others <= asked,
        "{others} of {asked} pieces of background"
    );
}
