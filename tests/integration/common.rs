//! A training run small enough for a test.

use candle_core::Device;
use fkp_core::{Augment, InputSpec};
use fkp_examples::{DataConfig, Prepared, RenderedConfig, RunConfig, RunNotes, open_for_training};
use fkp_model::{CnnConfig, ModelCard, Network, NetworkConfig};
use fkp_train::{Checkpoints, Coordinates, Fit, Observer, Outcome, Params, TrainConfig};
use std::path::Path;

pub(crate) fn small_config() -> RunConfig {
    RunConfig {
        data: DataConfig {
            rendered: RenderedConfig {
                train: 96,
                validation: 32,
                seed: 3,
            },
            ..DataConfig::default()
        },
        input: InputSpec::grey(48),
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

pub(crate) fn train(config: &RunConfig, folder: &Path) -> (Prepared, Outcome) {
    let data = open_for_training(&config.data, &config.input).unwrap();
    let augment = config.augment.compile(&data.schema).unwrap();
    let outcome = train_on(config, &data, &augment, folder, &mut ());
    (data, outcome)
}

pub(crate) fn train_on(
    config: &RunConfig,
    data: &Prepared,
    augment: &dyn Augment,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Outcome {
    let mut card = ModelCard {
        crop: data.crop.clone(),
        ..ModelCard::new(config.network.clone(), data.schema.clone(), config.input)
    };
    RunNotes::of(config).write(&mut card).unwrap();
    let params = Params::new(config.train.seed, &Device::Cpu);
    let points = card.schema.len();
    let network = Network::new(&card.network, &card.input, points, params.builder()).unwrap();
    let codec = Coordinates::new(config.input.frame(), config.train.loss);
    let metadata = [(ModelCard::KEY.to_owned(), card.to_metadata().unwrap())];
    let checkpoints = Checkpoints::new(folder, metadata.into());
    let fit = Fit {
        augment,
        checkpoints: Some(&checkpoints),
        ..Fit::new(
            &network,
            &params,
            &codec,
            config.input,
            (&data.train, &data.validation),
            &config.train,
        )
    };
    fit.run(observer).unwrap()
}
