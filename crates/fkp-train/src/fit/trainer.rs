//! The trainer, with which a user sets up and starts a run.

use super::evaluator::{Evaluator, MetricFactory};
use super::learning_rate_finder::{LearningRateCurve, LearningRateFinder, range_test};
use super::outcome::TrainOutcome;
use super::run::Run;
use super::setup::Setup;
use crate::checkpoint::{Changes, Checkpoints};
use crate::{
    Codec, Communicator, Loss, Observer, Params, RunDifference, Sampler, Shuffled, SingleProcess,
    TrainConfig, TrainError, keypoint_codec,
};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::{Augment, Dataset, ModelDescription, NoAugment, Task};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

/// Trains a network for the task that its model describes.
///
/// The configuration gives the seed and the loss, the model gives input, output and the metadata of
/// its file. The trainer creates the variables from the seed and the [`Codec`] from output and
/// loss, and writes model files with the model's own metadata, so that they cannot contradict each
/// other.
///
/// ```no_run
/// use fkp_model::{InputSpec, ModelCard, NetworkConfig, Schema};
/// use fkp_train::{TrainConfig, Trainer};
/// # use fkp_core::Dataset;
/// # use std::error::Error;
/// # fn f(train: &dyn Dataset, validation: &dyn Dataset) -> Result<(), Box<dyn Error>> {
/// let model = ModelCard::new(NetworkConfig::default(), Schema::kaggle15(), InputSpec::gray(96));
/// let trainer = Trainer::new(&model, TrainConfig::default(), |vb| model.network(vb))?;
/// let trainer = trainer.save_to("runs/first");
/// let outcome = trainer.fit(train, validation, &mut ())?;
/// # Ok(())
/// # }
/// ```
pub struct Trainer<'a> {
    task: Task,
    metadata: BTreeMap<String, String>,
    config: TrainConfig,
    params: Params,
    network: Box<dyn ModuleT + 'a>,
    codec: Box<dyn Codec + 'a>,
    augment: &'a dyn Augment,
    sampler: &'a dyn Sampler,
    communicator: &'a dyn Communicator,
    metrics: &'a MetricFactory,
    fingerprint: BTreeMap<String, String>,
    checkpoints: Option<Checkpoints>,
}

impl<'a> Trainer<'a> {
    /// A trainer on the CPU. `build` creates the network from variables whose initial values depend
    /// on the configuration's seed. By default, each sample is used once per epoch without
    /// augmentation, and no files are written.
    ///
    /// # Errors
    /// If the configuration or the model is invalid, the network cannot be built, its output does
    /// not have the shape that the model describes, or the loss does not go with the output.
    pub fn new<N, E>(
        model: &dyn ModelDescription,
        config: TrainConfig,
        build: impl FnOnce(VarBuilder<'static>) -> Result<N, E>,
    ) -> Result<Self, TrainError>
    where
        N: ModuleT + 'a,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::on(&Device::Cpu, model, config, build)
    }

    /// As [`Self::new`], on a device.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn on<N, E>(
        device: &Device,
        model: &dyn ModelDescription,
        config: TrainConfig,
        build: impl FnOnce(VarBuilder<'static>) -> Result<N, E>,
    ) -> Result<Self, TrainError>
    where
        N: ModuleT + 'a,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::assemble(device, model, config, build, |task, network, config| {
            codec_for(task, network, config.loss, device)
        })
    }

    /// A trainer with a custom codec, for other losses and other kinds of output. The configuration
    /// must not have a loss.
    ///
    /// # Errors
    /// If the configuration or the model is invalid, the configuration has a loss, or the network
    /// cannot be built.
    pub fn with_codec<N, E>(
        model: &dyn ModelDescription,
        config: TrainConfig,
        codec: impl Codec + 'a,
        build: impl FnOnce(VarBuilder<'static>) -> Result<N, E>,
    ) -> Result<Self, TrainError>
    where
        N: ModuleT + 'a,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        if let Some(loss) = config.loss {
            let problem = format!("the codec has its own loss; leave out `{}`", loss.name());
            return Err(TrainError::config("train.loss", problem));
        }
        let codec: Box<dyn Codec + 'a> = Box::new(codec);
        Self::assemble(&Device::Cpu, model, config, build, |_, _, _| Ok(codec))
    }

    fn assemble<N, E>(
        device: &Device,
        model: &dyn ModelDescription,
        config: TrainConfig,
        build: impl FnOnce(VarBuilder<'static>) -> Result<N, E>,
        codec: impl FnOnce(&Task, &N, &TrainConfig) -> Result<Box<dyn Codec + 'a>, TrainError>,
    ) -> Result<Self, TrainError>
    where
        N: ModuleT + 'a,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        config.validate()?;
        let metadata = model.metadata();
        let metadata = metadata.map_err(|source| TrainError::Model { source })?;
        let params = Params::new(config.seed, device);
        let network = build(params.builder()).map_err(|error| TrainError::Model {
            source: error.into(),
        })?;
        let task = model.task().clone();
        let codec = codec(&task, &network, &config)?;
        Ok(Self {
            task,
            metadata,
            config,
            params,
            network: Box::new(network),
            codec,
            augment: &NoAugment,
            sampler: &Shuffled,
            communicator: &SingleProcess,
            metrics: &Vec::new,
            fingerprint: BTreeMap::new(),
            checkpoints: None,
        })
    }

    /// Augments the training samples, differently in each epoch.
    pub fn augment(self, augment: &'a dyn Augment) -> Self {
        Self { augment, ..self }
    }

    /// Chooses the samples of an epoch; the default is [`Shuffled`].
    pub fn sampler(self, sampler: &'a dyn Sampler) -> Self {
        Self { sampler, ..self }
    }

    /// Connects the processes of a data-parallel run.
    pub fn communicator(self, communicator: &'a dyn Communicator) -> Self {
        Self {
            communicator,
            ..self
        }
    }

    /// Metrics that validation computes in addition to the standard ones. `monitor` in the
    /// configuration can name them.
    pub fn metrics(self, metrics: &'a MetricFactory) -> Self {
        Self { metrics, ..self }
    }

    /// Writes models and training state into this folder.
    pub fn save_to(mut self, folder: impl Into<PathBuf>) -> Self {
        let mut checkpoints = Checkpoints::new(folder, self.metadata.clone());
        checkpoints.fingerprint = self.fingerprint.clone();
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Further values by name that must not change between start and resume, such as the
    /// configuration of the augmentation.
    pub fn depends_on(mut self, fingerprint: BTreeMap<String, String>) -> Self {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.fingerprint = fingerprint.clone();
        }
        self.fingerprint = fingerprint;
        self
    }

    /// The network's variables, which hold the result.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The files of the run, if it is saved.
    pub fn checkpoints(&self) -> Option<&Checkpoints> {
        self.checkpoints.as_ref()
    }

    /// The configuration.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Evaluates the current network on any data set.
    pub fn evaluator(&self) -> Evaluator<'_> {
        Evaluator {
            network: &*self.network,
            codec: &*self.codec,
            input: self.task.input,
            batch_size: self.config.batch_size,
            device: self.params.device(),
            metrics: self.metrics,
        }
    }

    /// Trains from the start. The best epoch is chosen on the validation set, so results should be
    /// reported on other data.
    ///
    /// # Errors
    /// If a data set has another schema than the model, a sample cannot be read, the loss is not
    /// finite, or a file cannot be written. Checkpoints written before are kept.
    pub fn fit(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<TrainOutcome, TrainError> {
        let setup = self.setup(train, validation);
        let mut run = Run::new(&setup)?;
        run.broadcast_weights()?;
        // So that a run that is killed in its first epoch can be resumed as well.
        run.save()?;
        run.train(observer)
    }

    /// Resumes from the training state in the folder, also in the middle of an epoch. The result is
    /// bit-identical to that of a run that was not stopped.
    ///
    /// # Errors
    /// As for [`Self::fit`], and if the training state is missing or belongs to another configuration.
    pub fn resume(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<TrainOutcome, TrainError> {
        self.resume_with(&self.setup(train, validation), Changes::Refused, observer)
    }

    /// As [`Self::resume`], but accepts the changes that [`Self::differences`] lists. Another kind
    /// of optimizer starts without moments. If the batches changed, an unfinished epoch is
    /// restarted.
    ///
    /// # Errors
    /// As for [`Self::fit`], and if the training state is missing or belongs to another network.
    pub fn resume_overriding(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<TrainOutcome, TrainError> {
        self.resume_with(&self.setup(train, validation), Changes::Accepted, observer)
    }

    /// The differences of this run from the saved one. [`Self::resume`] works if there are none.
    ///
    /// # Errors
    /// If the training state is missing or cannot be read.
    pub fn differences(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
    ) -> Result<Vec<RunDifference>, TrainError> {
        let setup = self.setup(train, validation);
        let checkpoints = setup.checkpoints_to_resume()?;
        checkpoints.differences(&setup.identity(checkpoints))
    }

    /// Makes a learning-rate range test. The weights are restored afterward, and no files are
    /// written.
    ///
    /// # Errors
    /// If the finder is invalid or a sample cannot be read. A loss that diverges is not an error:
    /// the curve ends there.
    pub fn find_learning_rate(
        &self,
        train: &dyn Dataset,
        finder: &LearningRateFinder,
    ) -> Result<LearningRateCurve, TrainError> {
        let setup = Setup {
            checkpoints: None,
            ..self.setup(train, train)
        };
        range_test(&setup, finder)
    }

    fn resume_with(
        &self,
        setup: &Setup<'_>,
        changes: Changes,
        observer: &mut dyn Observer,
    ) -> Result<TrainOutcome, TrainError> {
        let mut run = Run::new(setup)?;
        run.restore(changes)?;
        run.train(observer)
    }

    fn setup<'s>(&'s self, train: &'s dyn Dataset, validation: &'s dyn Dataset) -> Setup<'s> {
        Setup {
            task: &self.task,
            network: &*self.network,
            params: &self.params,
            codec: &*self.codec,
            train,
            validation,
            augment: self.augment,
            sampler: self.sampler,
            metrics: self.metrics,
            config: &self.config,
            checkpoints: self.checkpoints.as_ref(),
            communicator: self.communicator,
        }
    }
}

/// The codec for a network. The shape of its output is found by running it on an image of zeros.
///
/// # Errors
/// If the network cannot be run, its output does not have the shape that the task describes, or the
/// loss does not go with the output.
pub fn codec_for<'c>(
    task: &Task,
    network: &dyn ModuleT,
    loss: Option<Loss>,
    device: &Device,
) -> Result<Box<dyn Codec + 'c>, TrainError> {
    let input = &task.input;
    if let Some(problem) = input.problem().or_else(|| task.output.problem()) {
        return Err(TrainError::config("model", problem));
    }
    let shape = (1, input.channels, input.size, input.size);
    let output = network.forward_t(&Tensor::zeros(shape, DType::F32, device)?, false)?;
    let shape = output.dims().get(1..).unwrap_or_default();
    let checked = task.output.check_shape(shape, task.schema.len());
    checked.map_err(|source| TrainError::Model {
        source: source.into(),
    })?;
    keypoint_codec(&task.output, shape, loss, input.frame())
}
