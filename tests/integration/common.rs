//! A training run small enough for a test.

use candle_core::Device;
use fkp_core::InputSpec;
use fkp_examples::{
    DataConfig, EvaluatedKeypoints, RenderedConfig, RunConfig, TrainingData, TrainingRun,
};
use fkp_model::{CnnConfig, ModelCard, NetworkConfig};
use fkp_train::{TrainConfig, TrainOutcome};
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
