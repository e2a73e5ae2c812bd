//! What a user builds a training run with.

use crate::checkpoint::Changes;
use crate::evaluate::MetricFactory;
use crate::fit::Fit;
use crate::lr_finder::range_test;
use crate::{
    Checkpoints, Codec, Communicator, Difference, Evaluator, LearningRateCurve, LearningRateFinder,
    Loss, Observer, Outcome, Params, Sampler, Shuffled, SingleProcess, TrainConfig, TrainError,
    keypoint_codec,
};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::{Augment, Dataset, ModelDescription, NoAugment, Task};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

/// Trains a network for the task that its model describes.
///
/// Each fact has one owner: the recipe says the seed and the loss, the model what goes in, what
/// comes out and what is written into its file. The trainer makes the variables from the seed, the
/// [`Codec`] from output and loss, and writes model files with the model's own metadata, so that
/// no two of them can disagree.
///
/// ```no_run
/// use fkp_model::{InputSpec, ModelCard, NetworkConfig, Schema};
/// use fkp_train::{TrainConfig, Trainer};
/// # fn f(train: &dyn fkp_core::Dataset, validation: &dyn fkp_core::Dataset) -> Result<(), Box<dyn std::error::Error>> {
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
    /// A trainer on the CPU. `build` makes the network from variables whose initial values depend
    /// on the recipe's seed. Without anything else set, each sample is used once an epoch, as it
    /// is, and nothing is written.
    ///
    /// # Errors
    /// If the recipe or the model contradict themselves, the network cannot be built, its output
    /// has another shape than the model says, or the loss does not go with the output.
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

    /// A trainer with a codec of one's own in place of the one that output and loss make: for
    /// other losses, and for outputs that are no keypoints. The recipe then has no loss.
    ///
    /// # Errors
    /// If the recipe or the model contradict themselves, the recipe names a loss all the same, or
    /// the network cannot be built.
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
            return Err(TrainError::Config {
                field: "train.loss".to_owned(),
                problem: format!("the codec brings its own loss; leave out `{}`", loss.name()),
            });
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

    /// Training samples are augmented, each epoch anew.
    pub fn augment(self, augment: &'a dyn Augment) -> Self {
        Self { augment, ..self }
    }

    /// Which samples an epoch has; [`Shuffled`] for each once.
    pub fn sampler(self, sampler: &'a dyn Sampler) -> Self {
        Self { sampler, ..self }
    }

    /// The other processes of a data-parallel run.
    pub fn communicator(self, communicator: &'a dyn Communicator) -> Self {
        Self {
            communicator,
            ..self
        }
    }

    /// Metrics that validation computes beside the standard ones, by whose names `monitor` can
    /// choose the best epoch.
    pub fn metrics(self, metrics: &'a MetricFactory) -> Self {
        Self { metrics, ..self }
    }

    /// Models and the state for resuming are written into this folder.
    pub fn save_to(mut self, folder: impl Into<PathBuf>) -> Self {
        let mut checkpoints = Checkpoints::new(folder, self.metadata.clone());
        checkpoints.fingerprint = self.fingerprint.clone();
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Anything else that must not change between start and resume, such as the augmentation's
    /// configuration as text, by name.
    pub fn depends_on(mut self, fingerprint: BTreeMap<String, String>) -> Self {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.fingerprint = fingerprint.clone();
        }
        self.fingerprint = fingerprint;
        self
    }

    /// The network's variables: they hold the result.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The files of the run, if it is saved.
    pub fn checkpoints(&self) -> Option<&Checkpoints> {
        self.checkpoints.as_ref()
    }

    /// The recipe.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Scores the network as it is now on any data set.
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

    /// Trains from the start. What it is validated on decides which epoch is the best, so it is
    /// not what a result should be reported on.
    ///
    /// # Errors
    /// If a set has another schema than the model, a sample cannot be read, the loss is not
    /// finite, or a file cannot be written. Checkpoints written before stay.
    pub fn fit(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        self.on_sets(train, validation).run(observer)
    }

    /// Goes on where the state in the folder stopped, also within an epoch. The result is the
    /// same, to the bit, as if it had never stopped.
    ///
    /// # Errors
    /// As for [`Self::fit`], and if there is no state or it belongs to another configuration.
    pub fn resume(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let fit = self.on_sets(train, validation);
        fit.resume(Changes::Refused, observer)
    }

    /// As [`Self::resume`] although something changed; [`Self::differences`] tells what. Another
    /// kind of optimizer begins without moments; where the batches changed, the epoch that was
    /// begun begins anew.
    ///
    /// # Errors
    /// As for [`Self::fit`], and if there is no state or the network does not fit it.
    pub fn resume_overriding(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        let fit = self.on_sets(train, validation);
        fit.resume(Changes::Accepted, observer)
    }

    /// In what this run differs from the one in the folder. Nothing means that [`Self::resume`]
    /// continues it.
    ///
    /// # Errors
    /// If there is no state, or it cannot be read.
    pub fn differences(
        &self,
        train: &dyn Dataset,
        validation: &dyn Dataset,
    ) -> Result<Vec<Difference>, TrainError> {
        self.on_sets(train, validation).differences()
    }

    /// Makes a learning-rate range test. The weights are afterwards what they were before, and
    /// nothing is written.
    ///
    /// # Errors
    /// If the finder's numbers are refused or a sample cannot be read. A loss that explodes is no
    /// error: the curve ends there.
    pub fn find_learning_rate(
        &self,
        train: &dyn Dataset,
        finder: &LearningRateFinder,
    ) -> Result<LearningRateCurve, TrainError> {
        let fit = Fit {
            checkpoints: None,
            ..self.on_sets(train, train)
        };
        range_test(&fit, finder)
    }

    fn on_sets<'s>(&'s self, train: &'s dyn Dataset, validation: &'s dyn Dataset) -> Fit<'s> {
        Fit {
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

/// The codec for a network: what it puts out for one image of zeros shows the shape.
///
/// # Errors
/// If the network cannot be run, its output has another shape than the task says, or the loss does
/// not go with it.
pub fn codec_for<'c>(
    task: &Task,
    network: &dyn ModuleT,
    loss: Option<Loss>,
    device: &Device,
) -> Result<Box<dyn Codec + 'c>, TrainError> {
    let input = &task.input;
    if let Some(problem) = input.problem().or_else(|| task.output.problem()) {
        let field = "model".to_owned();
        return Err(TrainError::Config { field, problem });
    }
    let shape = (1, input.channels, input.size, input.size);
    let output = network.forward_t(&Tensor::zeros(shape, DType::F32, device)?, false)?;
    let shape = output.dims().get(1..).unwrap_or_default();
    let fits = task.output.check_shape(shape, task.schema.len());
    fits.map_err(|source| TrainError::Model {
        source: source.into(),
    })?;
    keypoint_codec(&task.output, shape, loss, input.frame())
}
