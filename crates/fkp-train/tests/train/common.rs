//! A tiny task that every test here trains on: find the bright dot in a dark picture.

use candle_core::{Device, Result as TensorResult, Tensor};
use candle_nn::{Linear, Module, ModuleT};
use fkp_core::{
    Augment, Dataset, Image, InMemory, InputSpec, Keypoint, Keypoints, Rng, Sample, SampleError,
    Schema,
};
use fkp_train::{
    Checkpoints, Communicator, Coordinates, Fit, LearningRateCurve, LearningRateFinder, Observer,
    Outcome, Params, Sampler, Shuffled, SingleProcess, StepReport, TrainConfig, TrainError,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

pub(crate) const SIDE: usize = 8;

pub(crate) struct Dense(pub(crate) Linear);

impl ModuleT for Dense {
    fn forward_t(&self, x: &Tensor, _: bool) -> TensorResult<Tensor> {
        self.0.forward(&x.flatten_from(1)?)
    }
}

/// One dot per picture; every fifth picture has no label.
pub(crate) fn dots(count: usize) -> InMemory {
    let sample = |i: usize| {
        let (x, y) = ((i * 3) % SIDE, (i * 5 / SIDE) % SIDE);
        let mut image = Image::filled(SIDE, SIDE, 1, 0);
        image.pixel_mut(x, y)[0] = 255;
        let point = match i % 5 {
            4 => Keypoint::unlabelled(),
            _ => Keypoint::new(x as f32, y as f32),
        };
        Sample::new(format!("dot {i}"), image, Keypoints::new(vec![point]))
    };
    let samples = (0..count).map(sample).collect();
    InMemory::new(Schema::numbered("dot", 1).unwrap(), samples).unwrap()
}

/// Uses the generator, so that a wrong stream would show in the weights.
pub(crate) struct Dim;

impl Augment for Dim {
    fn apply(&self, mut sample: Sample, rng: &mut dyn Rng) -> Result<Sample, SampleError> {
        let by = (rng.next_u32() % 64) as u8;
        for byte in sample.image.as_bytes_mut() {
            *byte = byte.saturating_sub(by);
        }
        Ok(sample)
    }
}

pub(crate) fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.01,
        seed: 5,
        ..TrainConfig::default()
    }
}

/// A run and how it is begun.
pub(crate) struct Setup<'a> {
    pub(crate) config: TrainConfig,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) start: Start,
    pub(crate) sampler: &'a dyn Sampler,
    pub(crate) communicator: &'a dyn Communicator,
}

#[derive(Clone, Copy)]
pub(crate) enum Start {
    Fresh,
    Resume,
    Override,
}

impl Setup<'_> {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            config: config(),
            checkpoints: Some(Checkpoints::new(folder, BTreeMap::new())),
            start: Start::Fresh,
            sampler: &Shuffled,
            communicator: &SingleProcess,
        }
    }

    pub(crate) fn go(
        &self,
        train: &dyn Dataset,
        augment: &dyn Augment,
        observer: &mut dyn Observer,
    ) -> Result<(Outcome, Vec<f32>), TrainError> {
        self.with_fit(train, augment, |fit| {
            let outcome = match self.start {
                Start::Fresh => fit.run(observer)?,
                Start::Resume => fit.resume(observer)?,
                Start::Override => fit.resume_overriding(observer)?,
            };
            let weights = fit.params.tensors().values().flat_map(values).collect();
            Ok((outcome, weights))
        })
    }

    pub(crate) fn find_rate(
        &self,
        finder: &LearningRateFinder,
    ) -> Result<LearningRateCurve, TrainError> {
        self.with_fit(&dots(37), &Dim, |fit| fit.find_learning_rate(finder))
    }

    pub(crate) fn with_fit<T>(
        &self,
        train: &dyn Dataset,
        augment: &dyn Augment,
        f: impl FnOnce(&Fit<'_>) -> Result<T, TrainError>,
    ) -> Result<T, TrainError> {
        let input = InputSpec::grey(SIDE);
        let params = Params::new(self.config.seed, &Device::Cpu);
        let network = Dense(candle_nn::linear(SIDE * SIDE, 2, params.builder()).unwrap());
        let codec = coordinates(&self.config);
        f(&Fit {
            network: &network,
            params: &params,
            codec: &codec,
            input,
            train,
            validation: &dots(13),
            augment,
            sampler: self.sampler,
            config: &self.config,
            checkpoints: self.checkpoints.as_ref(),
            communicator: self.communicator,
        })
    }
}

pub(crate) fn coordinates(config: &TrainConfig) -> Coordinates {
    Coordinates::new(InputSpec::grey(SIDE).frame(), config.loss)
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Breaks off after so many steps in all, or never.
pub(crate) struct StopAfter(pub(crate) Option<usize>);

impl Observer for StopAfter {
    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        match &mut self.0 {
            Some(0) | None => ControlFlow::Continue(()),
            Some(1) => {
                self.0 = None;
                ControlFlow::Break(())
            }
            Some(left) => {
                *left -= 1;
                ControlFlow::Continue(())
            }
        }
    }
}
