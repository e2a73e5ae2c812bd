//! A model and a training run that are as small as possible.

use candle_nn::VarBuilder;
use fkp_core::{Dataset, Image, InMemory, Keypoint, Keypoints, Sample, Schema};
use fkp_model::{CnnConfig, InputSpec, ModelCard, NetworkConfig, Precision};
use fkp_train::{Params, TrainConfig, Trainer};
use std::path::Path;

/// A network of the tutorial's kind, small enough to be built and trained in each execution.
fn card() -> ModelCard {
    let schema = Schema::numbered("two", 2).expect("a schema of two keypoints");
    let network = NetworkConfig::Cnn(CnnConfig {
        conv_channels: vec![2],
        dense: vec![3],
        ..CnnConfig::default()
    });
    ModelCard::new(network, schema, InputSpec::gray(8))
}

/// The bytes of a model file.
pub fn model_bytes() -> Vec<u8> {
    let card = card();
    let params = Params::new(0, &candle_core::Device::Cpu);
    card.network(params.builder()).expect("a network");
    let weights = params.tensors().into_iter().collect();
    card.to_bytes(&weights, Precision::F16).expect("a model file")
}

/// A training run with files in this folder.
pub fn trainer(folder: &Path) -> Trainer<'static> {
    let card = card();
    let config = TrainConfig {
        epochs: 1,
        batch_size: 2,
        ..TrainConfig::default()
    };
    let trainer = Trainer::new(&card, config, |vb: VarBuilder<'static>| card.network(vb));
    trainer.expect("a trainer").save_to(folder)
}

/// Two samples.
pub fn samples() -> impl Dataset {
    let sample = |index: u8| {
        let keypoints = Keypoints::new(vec![Keypoint::new(3.0, 4.0); 2]);
        Sample::new(index.to_string(), Image::filled(8, 8, 1, index), keypoints)
    };
    let schema = Schema::numbered("two", 2).expect("a schema of two keypoints");
    InMemory::new(schema, (0..2).map(sample).collect()).expect("two samples")
}

/// The bytes of a training state.
pub fn state_bytes() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let set = samples();
    let trainer = trainer(folder.path());
    trainer.fit(&set, &set, &mut ()).expect("a run of one epoch");
    std::fs::read(folder.path().join("state.safetensors")).expect("a training state")
}
