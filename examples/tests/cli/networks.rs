//! Every network, trained and predicted from the command line.

use crate::support::{program, ran, refused, tiny_config, train};
use image::{GrayImage, Luma};

/// Every kind of network: trained by one key, and the model file evaluates and predicts.
#[test]
fn every_network_is_trained_by_a_key_and_its_model_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let face = folder.path().join("face.png");
    GrayImage::from_fn(64, 64, |x, y| Luma([(x * 2 + y) as u8]))
        .save(&face)
        .unwrap();
    for (kind, sizes) in [
        ("cnn", "conv_channels = [4, 8]\ndense = [16]"),
        (
            "residual",
            "channels = [4, 8]\nresidual_blocks = [0, 1]\ndense = [16]",
        ),
        (
            "mobile",
            "channels = [4, 8]\nblocks = [1, 2]\nstrides = [2, 2]",
        ),
    ] {
        let config = tiny_config(folder.path(), 8);
        let text = std::fs::read_to_string(&config).unwrap();
        let start = text.find("[network]").unwrap();
        let text = text[..start].to_owned();
        let network = |sizes: &str| format!("{text}[network]\nkind = '{kind}'\n{sizes}\n");
        std::fs::write(&config, network("conv_sizes = 3")).unwrap();
        let message = refused(&mut train(&config, &folder.path().join("unknown")));
        assert!(message.contains("conv_sizes"), "{message}");

        let loop_keys = "[train]\nepochs = 8\nbatch_size = 16\nlearning_rate = 0.01\nseed = 2\n";
        std::fs::write(&config, network(sizes) + loop_keys).unwrap();
        let run = folder.path().join(kind);
        ran(&mut train(&config, &run));
        let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
        let loss = |row: usize| -> f64 {
            let row = history.lines().nth(row).unwrap();
            row.split(',').nth(1).unwrap().parse().unwrap()
        };
        assert!(loss(8) < loss(1), "{kind}: {history}");

        let model = run.join("best.safetensors");
        ran(program("evaluate").arg("--model").arg(&model));
        let out = folder.path().join(format!("{kind}-out"));
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
    }
}
