//! Every kind of network output, trained and predicted from the command line.

use crate::support::{program, ran, refused, tiny_config, train};
use image::{GrayImage, Luma};

/// Every meaning that an output can have: trained by one key, and the model file predicts.
#[test]
fn every_output_is_trained_by_a_key_and_its_model_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let face = folder.path().join("face.png");
    GrayImage::from_fn(64, 64, |x, y| Luma([(x * 2 + y) as u8]))
        .save(&face)
        .unwrap();
    for (kind, keys, sigma) in [
        ("coordinates", "", false),
        ("coordinates_with_scale", "likelihood = 'gaussian'", true),
        ("heatmap", "sigma_px = 1.2", false),
        ("soft_argmax", "", true),
    ] {
        let config = tiny_config(folder.path(), 12);
        let text = std::fs::read_to_string(&config).unwrap();
        let mut text = text.replace("[train]\n", "[train]\nlearning_rate = 0.01\n");
        if matches!(kind, "heatmap" | "soft_argmax") {
            let message = {
                std::fs::write(&config, format!("{text}[output]\nkind = '{kind}'\n")).unwrap();
                refused(&mut train(&config, &folder.path().join("dense")))
            };
            assert!(
                message.contains("network.dense") && message.contains(kind),
                "{message}"
            );
            text = text.replace("dense = [16]", "dense = []");
        }
        std::fs::write(
            &config,
            format!("{text}[output]\nkind = '{kind}'\n{keys}\n"),
        )
        .unwrap();
        let run = folder.path().join(kind);
        ran(&mut train(&config, &run));
        let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
        let loss = |row: usize| -> f64 {
            let row = history.lines().nth(row).unwrap();
            row.split(',').nth(1).unwrap().parse().unwrap()
        };
        assert!(loss(12) < loss(1), "{kind}: {history}");
        let out = folder.path().join(format!("{kind}-out"));
        let model = run.join("best.safetensors");
        ran(program("predict")
            .arg("--model")
            .arg(&model)
            .arg(&face)
            .arg("--out")
            .arg(&out));
        let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
        let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keypoint = &predictions[0]["keypoints"][10];
        assert!(keypoint["x"].is_number(), "{kind}: {keypoint}");
        assert_eq!(
            keypoint["sigma"].as_f64().is_some_and(|s| s > 0.0),
            sigma,
            "{kind}: {keypoint}"
        );
        // A loss that goes with another output is refused by name.
        let wrong = if kind == "coordinates" {
            "nll"
        } else {
            "smooth_l1"
        };
        if kind != "soft_argmax" {
            let text = std::fs::read_to_string(&config).unwrap();
            let text = text.replace("[train]\n", &format!("[train]\nloss = '{wrong}'\n"));
            std::fs::write(&config, text).unwrap();
            let message = refused(&mut train(&config, &folder.path().join("wrong")));
            assert!(
                message.contains("train.loss") && message.contains(wrong),
                "{message}"
            );
        }
    }
}
