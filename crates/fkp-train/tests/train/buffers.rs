//! Running statistics and dropout seeds in the training loop.

use crate::common::{Dim, SIDE, Setup, dots, residual, task, values};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::{Dataset, InputSpec, NoAugment};
use fkp_model::layers::{Activation, BatchNorm2d, Dropout, Linear};
use fkp_model::{CnnConfig, Landmarker, ModelCard, NetworkConfig, Norm};
use fkp_train::{DecayExempt, OptimizerConfig, TrainConfig, Trainer};
use std::sync::{Arc, Mutex};

/// A network that records the masks of its two dropout layers.
struct Masks {
    dropouts: [Dropout; 2],
    output: Linear,
    seen: Seen,
}

type Seen = Arc<Mutex<Vec<Vec<f32>>>>;

impl Masks {
    fn new(vb: VarBuilder<'_>, seen: Seen) -> Result<Self> {
        let dropout = |name| Dropout::new(0.5, vb.pp(name));
        Ok(Self {
            dropouts: [dropout("first")?, dropout("second")?],
            output: Linear::new(SIDE * SIDE, 2, Activation::Identity, vb.pp("output"))?,
            seen,
        })
    }
}

impl ModuleT for Masks {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if train {
            let ones = Tensor::ones(64, DType::F32, &Device::Cpu)?;
            for dropout in &self.dropouts {
                let mask = dropout.forward_t(&ones, true)?;
                self.seen.lock().unwrap().push(values(&mask));
            }
        }
        self.output.forward(&x.flatten_from(1)?)
    }
}

fn masks_of_a_run(config: &TrainConfig) -> Vec<Vec<f32>> {
    let seen = Seen::default();
    let build = |vb| Masks::new(vb, Arc::clone(&seen));
    let trainer = Trainer::new(&task(), config.clone(), build).unwrap();
    trainer.fit(&dots(37), &dots(13), &mut ()).unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn every_layer_step_and_accumulated_batch_has_its_own_mask() {
    let config = TrainConfig {
        accumulate: 2,
        ..crate::common::config()
    };
    let masks = masks_of_a_run(&config);
    // 3 epochs of 5 batches, in 3 steps, with 2 layers.
    assert_eq!(masks.len(), 3 * 5 * 2);
    assert_eq!(masks_of_a_run(&config), masks);
    let mut different = masks.clone();
    different.sort_by(|a, b| a.partial_cmp(b).unwrap());
    different.dedup();
    assert_eq!(different.len(), masks.len());
    let other = masks_of_a_run(&TrainConfig { seed: 6, ..config });
    assert!(other.iter().all(|mask| !masks.contains(mask)));
}

/// A step in which all trained variables decay to nearly 0.
#[test]
fn the_optimizer_does_not_touch_running_statistics() {
    struct Normalized(BatchNorm2d, Linear);
    impl ModuleT for Normalized {
        fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
            let x = self.0.forward_t(x, train)?;
            self.1.forward(&x.flatten_from(1)?)
        }
    }
    let config = TrainConfig {
        epochs: 1,
        batch_size: 37,
        learning_rate: 1.0,
        optimizer: OptimizerConfig::AdamW {
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-7,
            weight_decay: 0.999,
            decay_exempt: DecayExempt::None,
        },
        clip_norm: Some(1e-3),
        ..crate::common::config()
    };
    let build = |vb: VarBuilder<'_>| {
        let norm = BatchNorm2d::new(1, Activation::Identity, vb.pp("norm"))?;
        let output = Linear::new(SIDE * SIDE, 2, Activation::Identity, vb.pp("output"))?;
        Result::Ok(Normalized(norm, output))
    };
    let (input, train) = (InputSpec::gray(SIDE), dots(37));
    let trainer = Trainer::new(&task(), config, build).unwrap();
    trainer.fit(&train, &train, &mut ()).unwrap();
    let mut pixels = vec![0.0; 37 * SIDE * SIDE];
    for (i, out) in pixels.chunks_exact_mut(SIDE * SIDE).enumerate() {
        input.fill(&train.get(i).unwrap().image, out);
    }
    let count = pixels.len() as f32;
    let mean = pixels.iter().sum::<f32>() / count;
    let square = |v: &f32| (v - mean) * (v - mean);
    let variance = pixels.iter().map(square).sum::<f32>() / (count - 1.0);
    let tensors = trainer.params().tensors();
    let value = |name: &str| values(&tensors[name])[0];
    assert!((value("norm.running_mean") - 0.1 * mean).abs() < 1e-6);
    assert!((value("norm.running_var") - (0.9 + 0.1 * variance)).abs() < 1e-5);
    // It was 1 before, and the learning rate is 1.
    assert!(value("norm.weight").abs() < 1.0);
}

#[test]
fn a_network_of_the_public_layers_can_be_trained() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(folder.path());
    setup.network = residual;
    setup.config.epochs = 40;
    let (outcome, _) = setup.go(&dots(37), &NoAugment, &mut ()).unwrap();
    let history = &outcome.progress.history;
    assert!(
        history[39].val_loss < 0.3 * history[0].val_loss,
        "{history:?}"
    );
}

#[test]
fn a_model_file_has_running_statistics_and_predicts_with_them() {
    let network = NetworkConfig::Cnn(CnnConfig {
        conv_channels: vec![4],
        dense: vec![16],
        norm: Norm::Batch,
        dropout: 0.25,
        ..CnnConfig::default()
    });
    let (train, validation, input) = (dots(37), dots(13), InputSpec::gray(SIDE));
    let card = ModelCard::new(network, train.schema().clone(), input);
    let folder = tempfile::tempdir().unwrap();
    let config = crate::common::config();
    let trainer = Trainer::new(&card, config, |vb| card.network(vb)).unwrap();
    let trainer = trainer.augment(&Dim).save_to(folder.path());
    trainer.fit(&train, &validation, &mut ()).unwrap();

    let last = folder.path().join("last.safetensors");
    let saved = fkp_model::ModelFile::read(&last).unwrap().weights;
    assert!(
        values(&saved["norm0.running_var"])
            .iter()
            .all(|v| *v != 1.0)
    );
    assert!(saved.keys().all(|name| !name.contains("seed")));
    let landmarker = Landmarker::load(&last).unwrap();
    let sample = validation.get(3).unwrap();
    let found = landmarker.detect(&sample.image).unwrap();
    let expected = trainer.evaluator().predict(&validation, &[3]).unwrap();
    assert_eq!(found.positions(), &expected[0].1.keypoints);
}
