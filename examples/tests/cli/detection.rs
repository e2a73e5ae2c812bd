//! Face detection from the command line: training, evaluation, and every face of an image.

use crate::support::{program, ran, refused};
use fkp_core::{Dataset, Image};
use fkp_synth::camera::Channels;
use fkp_synth::{SceneConfig, SynthScenes};
use std::fmt::Write as _;
use std::path::Path;

const CONFIG: &str = r#"
[data]
schema = "boxes"
mosaic = 0.5
[data.rendered]
train = 8
validation = 16
[input]
size = 96
channels = 1
mean = 0.0
std = 1.0
[output]
kind = "boxes"
stride = 8
[network]
kind = "pyramid"
channels = [4, 8, 8]
residual_blocks = [0, 0, 0]
width = 8
head_convs = 1
[augment]
transforms = [{ kind = "random_box_crop", width = 96, height = 96, side_px = [8.0, 40.0], max_zoom = 2.0 }]
[train]
epochs = 2
batch_size = 4
monitor = "ap_50_min_16px"
"#;

/// Rendered scenes as files, with a table of their boxes.
fn write_scenes(folder: &Path, count: usize) {
    let scenes = SynthScenes::new(SceneConfig {
        size: 160,
        count,
        channels: Channels::Rgb,
        ..SceneConfig::default()
    });
    let scenes = scenes.unwrap();
    std::fs::create_dir_all(folder.join("images")).unwrap();
    let mut table = "image,x,y,width,height,ignore\n".to_owned();
    for index in 0..count {
        let sample = scenes.get(index).unwrap();
        let name = format!("images/{index}.png");
        image::DynamicImage::from(sample.image.clone())
            .save(folder.join(&name))
            .unwrap();
        for label in &sample.boxes {
            let [x, y, width, height] = label.bounds.to_image_edges();
            let ignore = u8::from(label.ignore);
            writeln!(table, "{name},{x},{y},{width},{height},{ignore}").unwrap();
        }
    }
    std::fs::write(folder.join("boxes.csv"), table).unwrap();
}

#[test]
fn a_detector_is_trained_evaluated_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("config.toml"), CONFIG).unwrap();
    let model = path("faces.safetensors");
    let stdout = ran(program("train")
        .arg("--config")
        .arg(path("config.toml"))
        .arg("--out")
        .arg(path("run"))
        .arg("--export")
        .arg(&model));
    assert!(stdout.contains("ap_50_min_16px"), "{stdout}");
    for file in [
        "report.json",
        "overlay.png",
        "curves.png",
        "best.safetensors",
    ] {
        assert!(path("run").join(file).is_file(), "{file}");
    }

    // On files with boxes.
    write_scenes(&path("scenes"), 12);
    let evaluate = |arguments: &[&str]| {
        let mut evaluate = program("evaluate");
        evaluate.arg("--model").arg(&model);
        evaluate.arg("--data").arg(path("scenes"));
        evaluate.args(["--split", "all"]).args(arguments);
        evaluate
    };
    let stdout = ran(evaluate(&[])
        .arg("--detections")
        .arg(path("detections.json")));
    assert!(stdout.contains("average precision of"), "{stdout}");
    for option in ["--batch-size", "--jitter-seed", "--crop-px"] {
        let text = refused(&mut evaluate(&[option, "4"]));
        assert!(
            text.contains(&format!("{option} is for models of keypoints")),
            "{text}"
        );
    }
    let text = std::fs::read_to_string(path("detections.json")).unwrap();
    let images: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(images.as_array().unwrap().len() <= 12);
    assert_eq!(images[0]["width"], 160);

    // A detector is no model of keypoints, and the other way round.
    let crop = Image::filled(40, 40, 1, 90);
    image::DynamicImage::from(crop)
        .save(path("crop.png"))
        .unwrap();
    let mut as_model = program("predict");
    as_model.arg("--model").arg(&model).arg(path("crop.png"));
    assert!(refused(&mut as_model).contains("face detector"));
    let mut as_detector = program("predict");
    as_detector
        .args(["--detector", "fast"])
        .arg(path("crop.png"));
    assert!(refused(&mut as_detector).contains("Landmarker"));
}

/// The faces of photographs with boxes and other regions of them, beside keypoints.
#[test]
fn photographs_with_boxes_train_a_face_score() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_scenes(&path("scenes"), 12);
    let config = |face_score: bool| {
        format!(
            "[input]\nsize = 32\nchannels = 1\nmean = 0.0\nstd = 1.0\n\
             [output]\nkind = \"coordinates_with_scale\"\nlikelihood = \"laplace\"\nface_score = {face_score}\n\
             [network]\nkind = \"residual\"\nchannels = [4, 8]\nresidual_blocks = [0, 0]\ndense = [8]\n\
             [train]\nepochs = 1\nbatch_size = 8\n"
        )
    };
    let train = |face_score| {
        std::fs::write(path("config.toml"), config(face_score)).unwrap();
        let mut train = program("train");
        train.arg("--config").arg(path("config.toml"));
        train.args(["--data", "rendered:24", "--data"]);
        train.arg(path("scenes")).arg("--out").arg(path("run"));
        train
    };
    let refusal = refused(&mut train(false));
    assert!(refusal.contains("whose output has face_score"), "{refusal}");
    let stdout = ran(&mut train(true));
    assert!(stdout.contains("for the face score: "), "{stdout}");
    let history = std::fs::read_to_string(path("run/history.csv")).unwrap();
    assert!(history.contains("train_loss_scenes"), "{history}");
    let stdout = ran(program("evaluate")
        .arg("--model")
        .arg(path("run/best.safetensors"))
        .args(["--split", "val"]));
    assert!(stdout.contains("NME"), "{stdout}");
}

/// The pretrained detector and keypoints: each large face of a rendered scene is found.
#[test]
fn every_face_of_an_image_is_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let scenes = folder.path().join("scenes");
    write_scenes(&scenes, 6);
    let out = folder.path().join("out");
    let stdout = ran(program("predict")
        .arg(scenes.join("images"))
        .arg("--out")
        .arg(&out));
    assert!(stdout.contains("6 of 6 images"), "{stdout}");
    let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
    let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
    let faces: Vec<&serde_json::Value> = predictions
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|image| image["faces"].as_array().unwrap())
        .collect();
    assert!(faces.len() >= 4, "{} faces", faces.len());
    for face in faces {
        assert_eq!(face["box"].as_array().unwrap().len(), 4);
        assert!(face["score"].as_f64().unwrap() > 0.1);
        assert_eq!(face["keypoints"].as_array().unwrap().len(), 68);
        assert!(face["pose"]["yaw"].is_number());
    }
}
