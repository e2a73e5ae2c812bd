//! The trainer, with which a user sets up a run.

use super::evaluator::{Evaluator, MetricFactory};
use crate::checkpoint::{Checkpoints, Identity};
use crate::data::Sources;
use crate::{
    Codec, Communicator, Loss, Params, Sampler, Shuffled, SingleProcess, TrainConfig, TrainError,
    TrainingSource, keypoint_codec,
};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::{Augment, Dataset, Direction, ModelDescription, NoAugment, Task};
use fkp_metrics::Evaluation;
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
    pub(super) task: Task,
    metadata: BTreeMap<String, String>,
    pub(super) config: TrainConfig,
    pub(super) params: Params,
    pub(super) network: Box<dyn ModuleT + 'a>,
    pub(super) codec: Box<dyn Codec + 'a>,
    pub(super) augment: &'a dyn Augment,
    pub(super) sampler: &'a dyn Sampler,
    pub(super) sources: Sources,
    pub(super) communicator: &'a dyn Communicator,
    pub(super) metrics: &'a MetricFactory,
    fingerprint: BTreeMap<String, String>,
    pub(super) checkpoints: Option<Checkpoints>,
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
            sources: Sources::default(),
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

    /// The training set is the concatenation of these: the history then has the training loss of
    /// each.
    pub fn sources(self, sources: Vec<TrainingSource>) -> Self {
        Self {
            sources: Sources(sources),
            ..self
        }
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
        self.checkpoints = Some(Checkpoints {
            dir: folder.into(),
            metadata: self.metadata.clone(),
        });
        self
    }

    /// Further values by name that must not change between start and resume, such as the
    /// configuration of the augmentation.
    pub fn depends_on(self, fingerprint: BTreeMap<String, String>) -> Self {
        Self {
            fingerprint,
            ..self
        }
    }

    /// The network's variables, which hold the result.
    pub fn params(&self) -> &Params {
        &self.params
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
            offsets: None,
            map: None,
            communicator: &SingleProcess,
        }
    }

    /// The files of a run to resume.
    pub(super) fn checkpoints_to_resume(&self) -> Result<&Checkpoints, TrainError> {
        let problem = "a run without checkpoints cannot be resumed";
        let checkpoints = self.checkpoints.as_ref();
        checkpoints.ok_or_else(|| TrainError::config("checkpoints", problem))
    }

    /// Everything that the result of a run with this data depends on.
    pub(super) fn identity(&self, train: &dyn Dataset, validation: &dyn Dataset) -> Identity {
        Identity {
            config: self.config.clone(),
            training_samples: train.len(),
            validation_samples: validation.len(),
            sampler: self.sampler.describe(),
            codec: self.codec.describe(),
            metadata: self.metadata.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// Refuses an invalid configuration, and data or an input that do not match.
    pub(super) fn validate(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
    ) -> Result<(), TrainError> {
        self.config.validate()?;
        for (split, dataset) in [("training", train), ("validation", validation)] {
            if dataset.is_empty() {
                return Err(TrainError::EmptyDataset { split });
            }
            if *dataset.schema() != self.task.schema {
                return Err(TrainError::SchemaMismatch {
                    split,
                    dataset: dataset.schema().name().to_owned(),
                    model: self.task.schema.name().to_owned(),
                });
            }
        }
        self.sources.check(train.len())?;
        self.sampler.check(train.len())?;
        match self.task.input.problem() {
            Some(problem) => Err(TrainError::config("input", problem)),
            None => Ok(()),
        }
    }

    /// Whether lower or higher values of the monitored metric are better.
    ///
    /// # Errors
    /// If the metric does not exist; the message lists those that exist.
    pub(super) fn monitor_direction(&self) -> Result<Direction, TrainError> {
        let evaluation = Evaluation::new(&self.task.schema, self.task.input.frame());
        let metrics = evaluation.with_metrics((self.metrics)()).names();
        let monitor = &self.config.monitor;
        match metrics.iter().find(|(name, _)| name == monitor) {
            Some((_, direction)) => Ok(*direction),
            None => {
                let names: Vec<&str> = metrics.iter().map(|(name, _)| name.as_str()).collect();
                let names = names.join(", ");
                let problem = format!("unknown metric `{monitor}`; the metrics are: {names}");
                Err(TrainError::config("train.monitor", problem))
            }
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
