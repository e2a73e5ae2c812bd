//! The models that ship, measured as their cards say.

use candle_core::Device;
use fkp_core::{BoxJitter, Dataset, Schema};
use fkp_data::{BoxSource, OpenOptions};
use fkp_examples::{EvaluatedKeypoints, Part, open_for_evaluation};
use fkp_model::{Landmarker, ModelFile, Pretrained};
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces};
use fkp_test_support::shared_set;
use fkp_train::{Evaluator, codec_for};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A row of the table of errors in a model card.
struct CardRow {
    set: String,
    images: usize,
    schema: String,
    boxes: BoxSource,
    /// In percent.
    nme: f64,
}

fn card(model: Pretrained) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join("docs/weights").join(model.name());
    std::fs::read_to_string(path.with_extension("md")).unwrap()
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
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    for &model in Pretrained::ALL {
        let weights = model.weights();
        let digest = Sha256::digest(weights.bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, weights.sha256.trim());
        assert!(
            card(model).contains(&digest),
            "the card names another SHA-256"
        );
        let of_crate = match model.name().starts_with("research") {
            true => "fkp-weights-research/README.md",
            false => "fkp-weights/README.md",
        };
        let page = std::fs::read_to_string(crates.join(of_crate)).unwrap();
        assert!(page.contains(&digest), "{of_crate} names another SHA-256");
        assert!(weights.bytes.len() <= 2_000_000);
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
        for row in rows(&card(model)) {
            let Some(path) = folder(&row.set) else {
                continue;
            };
            let evaluated = EvaluatedKeypoints::new(task, Some(&row.schema)).unwrap();
            let path = path.as_deref();
            let opened =
                open_for_evaluation(&file.card, &evaluated, path, None, Part::Val, row.boxes);
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
        let text = card(model);
        let line = text
            .lines()
            .find(|line| line.contains("MAE on Kaggle's images"));
        let stated = line.unwrap().split('|').nth(2).unwrap();
        let stated: f64 = stated.split_whitespace().next().unwrap().parse().unwrap();
        assert!(
            mae < stated + 0.03,
            "{}: {mae:.3} px, the card has {stated}",
            model.name()
        );
    }
}

/// The orientation of rendered heads, from the predicted keypoints.
#[test]
fn poses_are_right_within_three_degrees_on_average() {
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
    assert!(errors.iter().sum::<f32>() / 3.0 <= 3.0, "{errors:?}");
}
