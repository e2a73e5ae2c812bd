//! The task of all tests: find the bright dot in a dark image.

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::{Linear, Module, ModuleT, VarBuilder};
use fkp_core::{
    Augment, Dataset, Image, InMemory, InputSpec, Keypoint, Keypoints, Rng, Sample, SampleError,
    Schema, Task,
};
use fkp_model::layers::{self, Activation, BatchNorm2d, Conv2d, Conv2dConfig, Dropout};
use fkp_train::{
    Communicator, Observer, Sampler, Shuffled, SingleProcess, StepReport, TrainConfig, TrainError,
    TrainOutcome, Trainer, TrainingSource,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const SIDE: usize = 8;

pub(crate) struct Dense(pub(crate) Linear);

impl ModuleT for Dense {
    fn forward_t(&self, x: &Tensor, _: bool) -> TensorResult<Tensor> {
        self.0.forward(&x.flatten_from(1)?)
    }
}

/// A network with everything that has a state or random numbers: running statistics and dropout, in
/// a residual block, for the images of [`dots`].
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

/// A network whose gradients come in every way: as the factors of a large weight that is used twice,
/// from candle's own operations, and from a layer that only every third pass uses.
struct Branching {
    wide: layers::Linear,
    narrow: Linear,
    sometimes: layers::Linear,
    passes: AtomicUsize,
}

impl ModuleT for Branching {
    fn forward_t(&self, x: &Tensor, train: bool) -> TensorResult<Tensor> {
        let x = x.flatten_from(1)?;
        let half = self.wide.forward(&x.affine(0.5, 0.1)?)?;
        let y = self.narrow.forward(&(self.wide.forward(&x)? + half)?)?;
        match train && self.passes.fetch_add(1, Ordering::Relaxed) % 3 == 1 {
            true => y + self.sometimes.forward(&x)?,
            false => Ok(y),
        }
    }
}

/// A network of any kind.
struct Boxed(Box<dyn ModuleT>);

impl ModuleT for Boxed {
    fn forward_t(&self, x: &Tensor, train: bool) -> TensorResult<Tensor> {
        self.0.forward_t(x, train)
    }
}

/// Creates a network from the variables of a run.
pub(crate) type MakeNetwork = fn(VarBuilder<'static>) -> Box<dyn ModuleT>;

pub(crate) fn dense(vb: VarBuilder<'static>) -> Box<dyn ModuleT> {
    Box::new(Dense(candle_nn::linear(SIDE * SIDE, 2, vb).unwrap()))
}

pub(crate) fn residual(vb: VarBuilder<'static>) -> Box<dyn ModuleT> {
    Box::new(Residual::new(vb).unwrap())
}

pub(crate) fn branching(vb: VarBuilder<'static>) -> Box<dyn ModuleT> {
    let linear = |n_in, n_out, activation, name| {
        layers::Linear::new(n_in, n_out, activation, vb.pp(name)).unwrap()
    };
    Box::new(Branching {
        wide: linear(SIDE * SIDE, 1024, Activation::Relu, "wide"),
        narrow: candle_nn::linear(1024, 2, vb.pp("narrow")).unwrap(),
        sometimes: linear(SIDE * SIDE, 2, Activation::Identity, "sometimes"),
        passes: AtomicUsize::new(0),
    })
}

/// One dot per image; every fifth image has no label.
pub(crate) fn dots(count: usize) -> InMemory {
    let sample = |i: usize| {
        let (x, y) = ((i * 3) % SIDE, (i * 5 / SIDE) % SIDE);
        let mut image = Image::filled(SIDE, SIDE, 1, 0);
        image.pixel_mut(x, y)[0] = 255;
        let keypoint = match i % 5 {
            4 => Keypoint::unlabeled(),
            _ => Keypoint::new(x as f32, y as f32),
        };
        Sample::new(format!("dot {i}"), image, Keypoints::new(vec![keypoint]))
    };
    let samples = (0..count).map(sample).collect();
    InMemory::new(Schema::numbered("dot", 1).unwrap(), samples).unwrap()
}

/// Darkens images by a random amount, so that other random numbers change the weights.
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

/// A run and how it is started.
pub(crate) struct Setup<'a> {
    pub(crate) network: MakeNetwork,
    pub(crate) config: TrainConfig,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) fingerprint: BTreeMap<String, String>,
    pub(crate) start: Start,
    pub(crate) sampler: &'a dyn Sampler,
    pub(crate) sources: Vec<TrainingSource>,
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
            folder: Some(folder.to_owned()),
            fingerprint: BTreeMap::new(),
            start: Start::Fresh,
            sampler: &Shuffled,
            sources: Vec::new(),
            communicator: &SingleProcess,
        }
    }

    pub(crate) fn go(
        &self,
        train: &dyn Dataset,
        augment: &dyn Augment,
        observer: &mut dyn Observer,
    ) -> Result<(TrainOutcome, Vec<f32>), TrainError> {
        let trainer = self.trainer(augment)?;
        let validation = dots(13);
        let outcome = match self.start {
            Start::Fresh => trainer.fit(train, &validation, observer)?,
            Start::Resume => trainer.resume(train, &validation, observer)?,
            Start::Override => trainer.resume_overriding(train, &validation, observer)?,
        };
        let weights = trainer.params().tensors();
        Ok((outcome, weights.values().flat_map(values).collect()))
    }

    /// Trains on the usual data.
    pub(crate) fn train(&self) -> Result<(TrainOutcome, Vec<f32>), TrainError> {
        self.go(&dots(37), &Dim, &mut ())
    }

    /// As [`Self::train`], stopped after this number of steps.
    pub(crate) fn train_until(&self, step: usize) -> Result<(TrainOutcome, Vec<f32>), TrainError> {
        self.go(&dots(37), &Dim, &mut StopAfter(step))
    }

    pub(crate) fn trainer<'a>(
        &'a self,
        augment: &'a dyn Augment,
    ) -> Result<Trainer<'a>, TrainError> {
        let build = |vb| Ok::<_, TrainError>(Boxed((self.network)(vb)));
        let trainer = Trainer::new(&task(), self.config.clone(), build)?;
        Ok(self.equip(trainer, augment))
    }

    /// Sets everything that is not an argument of the trainer's constructor.
    pub(crate) fn equip<'a>(
        &'a self,
        trainer: Trainer<'a>,
        augment: &'a dyn Augment,
    ) -> Trainer<'a> {
        let trainer = trainer
            .augment(augment)
            .sampler(self.sampler)
            .sources(self.sources.clone())
            .communicator(self.communicator);
        match &self.folder {
            Some(folder) => trainer.save_to(folder).depends_on(self.fingerprint.clone()),
            None => trainer,
        }
    }
}

pub(crate) fn task() -> Task {
    Task::new(Schema::numbered("dot", 1).unwrap(), InputSpec::gray(SIDE))
}

pub(crate) fn network(vb: VarBuilder) -> TensorResult<Dense> {
    Ok(Dense(candle_nn::linear(SIDE * SIDE, 2, vb)?))
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Stops the run after this number of steps.
pub(crate) struct StopAfter(pub(crate) usize);

impl Observer for StopAfter {
    fn on_step(&mut self, _: &StepReport) -> ControlFlow<()> {
        self.0 -= 1;
        match self.0 {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}
