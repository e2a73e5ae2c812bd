//! What a training run is made of, and its three beginnings: new, resumed, resumed with changes.

use crate::checkpoint::Changes;
use crate::identity::{Difference, Identity};
use crate::run::Run;
use crate::{
    Checkpoints, Codec, Communicator, Observer, Params, Progress, Sampler, Shuffled, SingleProcess,
    TrainConfig, TrainError,
};
use candle_nn::ModuleT;
use fkp_core::{Augment, Dataset, InputSpec, NoAugment};

/// Everything that a training run is made of. [`Fit::new`] fills in what most runs leave as it is.
#[derive(Clone, Copy)]
pub struct Fit<'a> {
    /// The network, built from `params`.
    pub network: &'a dyn ModuleT,
    /// Its variables. They hold the result.
    pub params: &'a Params,
    /// What the network's output means.
    pub codec: &'a dyn Codec,
    /// How pictures are fed.
    pub input: InputSpec,
    /// What is learnt from.
    pub train: &'a dyn Dataset,
    /// What is scored after each epoch, and never learnt from.
    pub validation: &'a dyn Dataset,
    /// How training samples are varied.
    pub augment: &'a dyn Augment,
    /// Which of them an epoch has; [`Shuffled`] for each once.
    pub sampler: &'a dyn Sampler,
    /// The recipe.
    pub config: &'a TrainConfig,
    /// Where to write, if anywhere.
    pub checkpoints: Option<&'a Checkpoints>,
    /// The other processes, if any; [`SingleProcess`] for none.
    pub communicator: &'a dyn Communicator,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs were made.
    Finished,
    /// An observer broke it off.
    ByObserver,
    /// Validation no longer improved.
    Early,
    /// The time was up.
    TimeUp,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub stopped: Stopped,
    /// How far it came, with the figures of every epoch.
    pub progress: Progress,
}

impl<'a> Fit<'a> {
    /// A run on `data`, training and validation set, without augmentation and checkpoints, each
    /// sample once an epoch, in one process. Anything else is set on top:
    /// `Fit { augment: &augment, ..Fit::new(…) }`.
    pub fn new(
        network: &'a dyn ModuleT,
        params: &'a Params,
        codec: &'a dyn Codec,
        input: InputSpec,
        data: (&'a dyn Dataset, &'a dyn Dataset),
        config: &'a TrainConfig,
    ) -> Self {
        Self {
            network,
            params,
            codec,
            input,
            train: data.0,
            validation: data.1,
            augment: &NoAugment,
            sampler: &Shuffled,
            config,
            checkpoints: None,
            communicator: &SingleProcess,
        }
    }
}

impl Fit<'_> {
    /// Trains from the start.
    ///
    /// # Errors
    /// If the configuration makes no sense, a sample cannot be read, the loss is no number, or a
    /// file cannot be written. Checkpoints written before stay.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let mut run = Run::new(self)?;
        run.agree_on_weights()?;
        // So that a run that is killed before its first epoch ends can be resumed as well.
        run.save()?;
        run.go_on(observer)
    }

    /// Goes on where the state in the checkpoint folder stopped, also within an epoch. The result
    /// is the same, to the bit, as if it had never stopped.
    ///
    /// # Errors
    /// As for [`Self::run`], and if there is no state or it belongs to another configuration.
    pub fn resume(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        self.resume_with(Changes::Refused, observer)
    }

    /// As [`Self::resume`] although something changed; [`Self::differences`] tells what. Another
    /// kind of optimiser begins without moments; where the batches changed, the epoch that was
    /// begun begins anew.
    ///
    /// # Errors
    /// As for [`Self::run`], and if there is no state or the network does not fit it.
    pub fn resume_overriding(&self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        self.resume_with(Changes::Accepted, observer)
    }

    /// In what this run differs from the one in the checkpoint folder. Nothing means that
    /// [`Self::resume`] continues it.
    ///
    /// # Errors
    /// If there is no state, or it cannot be read.
    pub fn differences(&self) -> Result<Vec<Difference>, TrainError> {
        let checkpoints = self.checkpoints_to_resume()?;
        checkpoints.differences(&self.identity(checkpoints))
    }

    fn resume_with(
        &self,
        changes: Changes,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        self.checkpoints_to_resume()?;
        let mut run = Run::new(self)?;
        run.restore(changes)?;
        run.go_on(observer)
    }

    fn checkpoints_to_resume(&self) -> Result<&Checkpoints, TrainError> {
        self.checkpoints.ok_or_else(|| TrainError::Config {
            field: "checkpoints".to_owned(),
            problem: "a run without checkpoints cannot be resumed".to_owned(),
        })
    }

    pub(crate) fn identity(&self, checkpoints: &Checkpoints) -> Identity {
        Identity {
            config: self.config.clone(),
            training_samples: self.train.len(),
            validation_samples: self.validation.len(),
            sampler: self.sampler.describe(),
            world_size: self.communicator.world_size(),
            metadata: checkpoints.metadata.clone(),
            fingerprint: checkpoints.fingerprint.clone(),
        }
    }

    /// Refuses what cannot be trained.
    pub(crate) fn validate(&self) -> Result<(), TrainError> {
        self.config.validate()?;
        for (split, set) in [("training", self.train), ("validation", self.validation)] {
            if set.is_empty() {
                return Err(TrainError::EmptySet { split });
            }
        }
        if let Some(problem) = self.input.problem() {
            let field = "input".to_owned();
            return Err(TrainError::Config { field, problem });
        }
        Ok(())
    }
}
