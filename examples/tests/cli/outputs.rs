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
            .arg("--crop")
            .arg(&face)
            .arg("--out")
            .arg(&out));
        let text = std::fs::read_to_string(out.join("predictions.json")).unwrap();
        let predictions: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keypoint = &predictions[0]["faces"][0]["keypoints"][10];
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

/// The face score is trained on images without a face as well, and the exported model has the
/// threshold that nearly all faces are above.
#[test]
fn a_face_score_is_trained_exported_and_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path(), 40);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("train = 40\n", "train = 60\nnon_faces = 1.0\n")
        .replace("validation = 10\n", "validation = 40\n")
        .replace("[train]\n", "[train]\nlearning_rate = 0.005\n");
    let output = "[output]\nkind = 'coordinates_with_scale'\nface_score = true\n";
    std::fs::write(&config, text + output).unwrap();
    let (run, exported) = (folder.path().join("run"), folder.path().join("exported"));
    let stdout = ran(train(&config, &run).arg("--export").arg(&exported));
    assert!(
        stdout.contains("60 and 40 images that are not those of a face"),
        "{stdout}"
    );
    let model = fkp_model::ModelFile::read(&exported).unwrap();
    let threshold = model.card.task.score_threshold.unwrap();
    assert!((0.0..1.0).contains(&threshold), "{threshold}");
    let stdout = ran(program("evaluate").arg("--model").arg(&exported));
    let line = stdout.lines().find(|line| line.starts_with("face score, "));
    let line = line.unwrap_or_else(|| panic!("{stdout}"));
    assert!(line.contains("40 faces and 40 other images"), "{line}");
    let auc = line
        .split("AUC ")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let auc: f64 = auc.parse().unwrap();
    assert!(auc > 0.6, "{line}");
    let report = stdout.lines().find(|line| line.starts_with("samples"));
    assert!(report.unwrap().ends_with(" 40"), "{stdout}");
    // Faces alone cannot train a score.
    let faces = std::fs::read_to_string(&config).unwrap();
    let faces = faces.replace("non_faces = 1.0\n", "");
    let faces_only = folder.path().join("faces.toml");
    std::fs::write(&faces_only, faces).unwrap();
    let message = refused(&mut train(&faces_only, &folder.path().join("refused")));
    assert!(message.contains("data.rendered.non_faces"), "{message}");
    // Fine-tuning on them is without a score.
    let fine = folder.path().join("fine");
    ran(program("train")
        .arg("--init")
        .arg(&exported)
        .args(["--epochs", "1", "--data", "rendered:20", "--out"])
        .arg(&fine));
    let fine = fkp_model::ModelFile::read(fine.join("best.safetensors")).unwrap();
    assert!(!fine.card.task.output.has_face_score());
}
