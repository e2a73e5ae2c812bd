//! A tiny task that every test here trains on: find the bright dot in a dark picture.

use candle_core::{Device, Result as TensorResult, Tensor};
use candle_nn::{Linear, Module, ModuleT, VarBuilder};
use fkp_core::{
    Augment, Dataset, Image, InMemory, InputSpec, Keypoint, Keypoints, Rng, Sample, Schema,
};
use fkp_model::layers::{self, Activation, BatchNorm2d, Conv2d, Conv2dConfig, Dropout};
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

/// A network with everything that a network may carry from step to step: running statistics and
/// dropout, in a residual block, for the images of [`dots`].
pub(crate) struct Residual {
    convs: [Conv2d; 2],
    norms: [BatchNorm2d; 2],
    dropouts: [Dropout; 2],
    output: layers::Linear,
}

impl Residual {
    pub(crate) fn new(vb: VarBuilder<'_>) -> TensorResult<Self> {
        let same = Conv2dConfig::new().padding(1);
        let conv = |channels, name| Conv2d::no_bias(channels, 8, 3, same, vb.pp(name));
        let norm = |activation, name| BatchNorm2d::new(8, activation, vb.pp(name));
        let dropout = |name| Dropout::new(0.2, vb.pp(name));
        Ok(Self {
            convs: [conv(1, "conv1")?, conv(8, "conv2")?],
            norms: [
                norm(Activation::Relu, "norm1")?,
                norm(Activation::Identity, "norm2")?,
            ],
            dropouts: [dropout("dropout1")?, dropout("dropout2")?],
            output: layers::Linear::new(8 * 16, 2, Activation::Identity, vb.pp("output"))?,
        })
    }
}

impl ModuleT for Residual {
    fn forward_t(&self, x: &Tensor, train: bool) -> TensorResult<Tensor> {
        let x = self.norms[0].forward_t(&self.convs[0].forward(x)?, train)?;
        let x = self.dropouts[0].forward_t(&layers::max_pool2d(&x, 2, 2)?, train)?;
        let more = self.norms[1].forward_t(&self.convs[1].forward(&x)?, train)?;
        let x = layers::relu(&(x + more)?)?.flatten_from(1)?;
        self.output.forward(&self.dropouts[1].forward_t(&x, train)?)
    }
}

/// Makes a network of the variables of a run.
pub(crate) type MakeNetwork = fn(VarBuilder<'static>) -> Box<dyn ModuleT>;

pub(crate) fn dense(vb: VarBuilder<'static>) -> Box<dyn ModuleT> {
    Box::new(Dense(candle_nn::linear(SIDE * SIDE, 2, vb).unwrap()))
}

pub(crate) fn residual(vb: VarBuilder<'static>) -> Box<dyn ModuleT> {
    Box::new(Residual::new(vb).unwrap())
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
    fn apply(&self, mut sample: Sample, rng: &mut dyn Rng) -> Sample {
        let by = (rng.next_u32() % 64) as u8;
        for byte in sample.image.as_bytes_mut() {
            *byte = byte.saturating_sub(by);
        }
        sample
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
    pub(crate) network: MakeNetwork,
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
            network: dense,
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
        let network = (self.network)(params.builder());
        let codec = coordinates(&self.config);
        f(&Fit {
            network: &*network,
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
