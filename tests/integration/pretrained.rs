//! The models that ship, measured as their cards say.

use crate::common::{card, check_digest, stated};
use candle_core::Device;
use fkp_augment::{GaussianBlur, Range, Recipe};
use fkp_core::{Augment, BoxJitter, Dataset, Prediction, Purpose, Schema, Visibility, rng_for};
use fkp_data::{BoxSource, FaceRegions, OpenOptions, Split};
use fkp_examples::{EvaluatedKeypoints, Part, open_for_evaluation};
use fkp_metrics::FaceScores;
use fkp_model::{Landmarker, ModelFile, Pretrained};
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces};
use fkp_test_support::shared_set;
use fkp_train::{Evaluator, codec_for};
use std::path::PathBuf;

/// A row of the table of errors in a model card.
struct CardRow {
    set: String,
    images: usize,
    schema: String,
    boxes: BoxSource,
    /// In percent.
    nme: f64,
}

/// The rows of the table whose header starts with `set`, `images`, `keypoints`, `boxes`.
fn rows(card: &str) -> Vec<CardRow> {
    let table = card
        .lines()
        .skip_while(|line| !line.starts_with("| set | images | keypoints"));
    let lines = table.skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, set, images, schema, boxes, nme, ..] = cells[..] else {
            panic!("{line}");
        };
        CardRow {
            set: set.replace(['`'], "").replace(" val", ""),
            images: images.parse().unwrap(),
            schema: schema.replace('`', ""),
            boxes: match boxes {
                "labels" => BoxSource::Labels,
                "jittered" => BoxSource::Jittered {
                    jitter: BoxJitter::default(),
                    seed: 0,
                },
                other => panic!("unknown boxes {other}"),
            },
            nme: nme.trim_end_matches([' ', '%']).parse().unwrap(),
        }
    };
    let rows: Vec<CardRow> = lines.map(row).collect();
    assert!(rows.len() >= 4, "the card has no table of errors");
    rows
}

/// Where a set is: `None` for rendered faces, which are everywhere.
fn folder(set: &str) -> Option<Option<PathBuf>> {
    match set {
        "rendered faces" => Some(None),
        set => shared_set(set).map(Some),
    }
}

#[test]
fn the_files_are_small_and_have_the_checksums_of_their_crates_and_cards() {
    for &model in Pretrained::ALL {
        let weights = model.weights();
        check_digest(&weights);
        let limit = match model {
            Pretrained::ResearchAccurate => 6_000_000,
            _ => 2_000_000,
        };
        assert!(weights.bytes.len() <= limit, "{}", model.name());
    }
}

/// Each error on a validation part is at most that of the card, up to rounding.
#[test]
fn no_error_is_larger_than_the_card_says() {
    for &model in Pretrained::ALL {
        let file = ModelFile::pretrained(model).unwrap();
        let task = &file.card.task;
        let network = file.network(&Device::Cpu).unwrap();
        let codec = codec_for(task, &network, None, &Device::Cpu).unwrap();
        for row in rows(&card(model.name())) {
            let Some(path) = folder(&row.set) else {
                continue;
            };
            let evaluated = EvaluatedKeypoints::new(task, Some(&row.schema)).unwrap();
            let path = path.as_deref();
            let opened = open_for_evaluation(
                &file.card,
                &evaluated,
                path,
                None,
                Part::Val,
                row.boxes,
                None,
            );
            let dataset = opened.unwrap().0;
            let mut evaluator = Evaluator::new(&network, &*codec, task.input);
            if let Some(map) = &evaluated.map {
                evaluator = evaluator.onto(map);
            }
            let report = evaluator.run(&dataset, |_| {}).unwrap();
            let place = format!("{}, {}, {}", model.name(), row.set, row.schema);
            assert_eq!(report.samples, row.images, "{place}");
            let nme = 100.0 * report.nme.inter_ocular.unwrap();
            assert!(
                nme < row.nme + 0.02,
                "{place}: {nme:.3} %, the card has {}",
                row.nme
            );
            assert!(nme > row.nme - 0.05, "{place}: {nme:.3} %: update the card");
        }
    }
}

/// Kaggle's images are crops by the rule of the 15 keypoints.
#[test]
fn kaggles_images_are_predicted_in_their_own_pixels() {
    let Some(folder) = shared_set("kaggle") else {
        return;
    };
    let opened = fkp_data::open(folder.join("training.zip"), &OpenOptions::default()).unwrap();
    let faces = opened.complete;
    for &model in Pretrained::ALL {
        let landmarker = Landmarker::from_pretrained(model).unwrap();
        let landmarker = landmarker.with_schema(&Schema::kaggle15()).unwrap();
        let (mut sum, mut count) = (0.0, 0);
        for index in (0..faces.len()).step_by(4) {
            let sample = faces.get(index).unwrap();
            let found = landmarker.detect(&sample.image).unwrap();
            for (i, label) in sample.keypoints.labeled() {
                let keypoint = found.positions()[i];
                sum += f64::from((keypoint.x - label.x).abs() + (keypoint.y - label.y).abs());
                count += 2;
            }
        }
        let mae = sum / f64::from(count);
        // A constant mean face has 2.3.
        println!("{}: {mae:.3} px", model.name());
        let stated = stated(&card(model.name()), "MAE on Kaggle's images");
        assert!(
            (mae - stated).abs() < 0.03,
            "{}: {mae:.3} px, the card has {stated}",
            model.name()
        );
    }
}

/// The face score tells the faces of photographs from other regions as well as the card says.
#[test]
fn face_scores_separate_faces_of_photographs_from_other_regions() {
    let Some(folder) = shared_set("wider") else {
        return;
    };
    let options = OpenOptions {
        split: Split::Val,
        ..OpenOptions::default()
    };
    let photographs = fkp_data::open(folder, &options).unwrap().dataset;
    let regions = FaceRegions::new(photographs, Schema::ibug68(), 20.0).unwrap();
    let landmarkers = Pretrained::ALL.iter().map(|&model| {
        let landmarker = Landmarker::from_pretrained(model).unwrap();
        (model, landmarker, FaceScores::default())
    });
    let mut scored: Vec<_> = landmarkers
        .filter(|(_, landmarker, _)| landmarker.card().task.output.has_face_score())
        .collect();
    assert!(scored.iter().any(|(model, ..)| *model == Pretrained::Fast));
    for index in 0..regions.len() {
        let region = regions.get(index).unwrap();
        for (_, landmarker, scores) in &mut scored {
            let face = landmarker.detect_in(&region.image, &region.face_box.unwrap());
            let face = face.unwrap();
            let predicted = Prediction {
                face_score: face.score(),
                ..Prediction::new(face.positions().clone())
            };
            scores.add(&predicted, &region);
        }
    }
    for (model, landmarker, scores) in scored {
        let name = model.name();
        let threshold = landmarker.score_threshold().unwrap();
        println!(
            "{name}: {:?} faces and others, with scores above the threshold: {:.3?} and {:.3?}",
            scores.counts(),
            scores.true_positive_rate(threshold),
            scores.false_positive_rate(threshold)
        );
        assert_eq!(scores.counts(), [594, 594], "as in the card");
        let auc = scores.auc().unwrap();
        println!("{name}: AUC {auc:.4}");
        let stated = stated(&card(name), "AUC of the face score on `wider`");
        assert!(auc > stated - 0.002, "{name}: {auc}, the card has {stated}");
        assert!(auc < stated + 0.002, "{name}: {auc}: update the card");
    }
}

/// Mean of what was added.
#[derive(Default)]
struct Mean {
    sum: f32,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f32) {
        self.sum += value;
        self.count += 1;
    }

    fn get(&self) -> f32 {
        assert!(self.count > 30, "too few");
        self.sum / self.count as f32
    }
}

#[test]
fn standard_deviations_are_larger_for_covered_keypoints_blur_and_profile() {
    let faces = SynthFaces::new(SynthConfig {
        size: 112,
        count: 300,
        seed: 815,
        keypoints: KeypointSet::Ibug68,
        ..SynthConfig::default()
    });
    let faces = faces.unwrap();
    let blur = Recipe {
        transforms: vec![
            GaussianBlur {
                sigma_px: Range::exactly(3.0),
            }
            .into(),
        ],
        ..Recipe::none()
    };
    let blur = blur.compile(&Schema::ibug68()).unwrap();
    for &model in Pretrained::ALL {
        let landmarker = Landmarker::from_pretrained(model).unwrap();
        let [mut visible, mut covered, mut frontal, mut profile] = <[Mean; 4]>::default();
        let [mut sharp, mut blurred] = <[Mean; 2]>::default();
        for index in 0..faces.len() {
            let sample = faces.get(index).unwrap();
            let yaw = faces.params(index).pose.yaw.to_degrees().abs();
            let face = landmarker.detect(&sample.image).unwrap();
            for (keypoint, label) in face.keypoints().zip(sample.keypoints.iter()) {
                match label.visibility {
                    Visibility::Visible => visible.add(keypoint.sigma),
                    Visibility::Occluded => covered.add(keypoint.sigma),
                    _ => {}
                }
                if yaw < 15.0 {
                    frontal.add(keypoint.sigma);
                } else if yaw > 45.0 {
                    profile.add(keypoint.sigma);
                }
                sharp.add(keypoint.sigma);
            }
            let mut rng = rng_for(0, Purpose::Augment, 0, index as u64);
            let sample = blur.apply(sample, &mut rng).unwrap();
            let face = landmarker.detect(&sample.image).unwrap();
            face.keypoints().for_each(|k| blurred.add(k.sigma));
        }
        let pairs = [
            ("covered keypoints", &visible, &covered),
            ("profile", &frontal, &profile),
            ("blur", &sharp, &blurred),
        ];
        for (what, smaller, larger) in pairs {
            let (smaller, larger) = (smaller.get(), larger.get());
            println!("{}, {what}: {smaller:.2} px, {larger:.2} px", model.name());
            assert!(larger > 1.1 * smaller, "{}: {what}", model.name());
        }
    }
}

/// The orientation of rendered heads, from the predicted keypoints.
#[test]
fn poses_are_right_within_two_and_a_half_degrees_on_average() {
    let faces = SynthFaces::new(SynthConfig {
        size: 112,
        count: 200,
        seed: 4711,
        keypoints: KeypointSet::Ibug68,
        ..SynthConfig::default()
    });
    let faces = faces.unwrap();
    let landmarker = Landmarker::pretrained().unwrap();
    let mut errors = [0.0; 3];
    for index in 0..faces.len() {
        let truth = faces.params(index).pose;
        let face = landmarker.detect(&faces.get(index).unwrap().image).unwrap();
        let found = face.pose().unwrap();
        let pairs = [
            (found.yaw, truth.yaw),
            (found.pitch, truth.pitch),
            (found.roll, truth.roll),
        ];
        for (sum, (found, truth)) in errors.iter_mut().zip(pairs) {
            *sum += (found - truth.to_degrees()).abs() / faces.len() as f32;
        }
    }
    println!("yaw, pitch, roll: {errors:?}");
    assert!(errors.iter().sum::<f32>() / 3.0 <= 2.5, "{errors:?}");
}
