//! A training run small enough for a test, and what model cards say.

use candle_core::Device;
use fkp_core::InputSpec;
use fkp_examples::{
    DataConfig, EvaluatedKeypoints, RenderedConfig, RunConfig, TrainingData, TrainingRun,
};
use fkp_model::{CnnConfig, ModelCard, NetworkConfig};
use fkp_train::{TrainConfig, TrainOutcome};
use fkp_weights::Weights;
use sha2::{Digest, Sha256};
use std::path::Path;

pub(crate) fn small_config() -> RunConfig {
    RunConfig {
        data: DataConfig {
            rendered: RenderedConfig {
                train: 96,
                validation: 32,
                seed: 3,
                ..RenderedConfig::default()
            },
            ..DataConfig::default()
        },
        input: InputSpec::gray(48),
        network: NetworkConfig::Cnn(CnnConfig {
            conv_channels: vec![8, 16],
            dense: vec![32],
            ..CnnConfig::default()
        }),
        train: TrainConfig {
            epochs: 3,
            batch_size: 20,
            seed: 11,
            ..TrainConfig::default()
        },
        ..RunConfig::default()
    }
}

pub(crate) fn train(config: &RunConfig, folder: &Path) -> (TrainingData, TrainOutcome) {
    let run = TrainingRun::open(config.clone()).unwrap();
    let trainer = run.trainer(&Device::Cpu).unwrap().save_to(folder);
    let (train, selection) = (&run.data.train, &run.data.selection);
    let outcome = trainer.fit(train, selection, &mut ()).unwrap();
    drop(trainer);
    (run.data, outcome)
}

/// The keypoints of a model itself.
pub(crate) fn own_keypoints(card: &ModelCard) -> EvaluatedKeypoints {
    EvaluatedKeypoints::new(&card.task, None).unwrap()
}

/// The card of a pretrained model.
pub(crate) fn card(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = root.join("docs/weights").join(name);
    std::fs::read_to_string(path.with_extension("md")).unwrap()
}

/// The number that a card states for a measurement in a row of its own.
pub(crate) fn stated(card: &str, measurement: &str) -> f64 {
    let mut lines = card.lines();
    let line = lines.find(|line| line.contains(measurement));
    let line = line.unwrap_or_else(|| panic!("the card has no row `{measurement}`"));
    let cell = line.split('|').nth(2).unwrap();
    cell.split_whitespace().next().unwrap().parse().unwrap()
}

/// Checks that the bytes have the checksum that their crate, its page and their card state.
pub(crate) fn check_digest(weights: &Weights) {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let digest = Sha256::digest(weights.bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, weights.sha256.trim());
    assert!(
        card(weights.name).contains(&digest),
        "the card names another SHA-256"
    );
    let of_crate = match weights.name.starts_with("research") {
        true => "fkp-weights-research/README.md",
        false => "fkp-weights/README.md",
    };
    let page = std::fs::read_to_string(crates.join(of_crate)).unwrap();
    assert!(page.contains(&digest), "{of_crate} names another SHA-256");
}
