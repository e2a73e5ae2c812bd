//! The samples of each optimizer step, and the loader that reads them.

use super::trainer::Trainer;
use crate::data::{BusyTime, Loader, SampleUse};
use crate::{DataLimit, Sampler, Shuffled, TrainError};
use fkp_core::{Augment, Dataset, NoAugment, Subset};

/// The data of a run after [`DataLimit`] was applied.
pub(super) struct Plan<'a> {
    trainer: &'a Trainer<'a>,
    pub(super) train: &'a dyn Dataset,
    pub(super) validation: Box<dyn Dataset + 'a>,
    augment: &'a dyn Augment,
    /// The samples of the only step per epoch, if all steps use the same batch.
    single_step: Option<Vec<SampleUse>>,
    max_steps: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        trainer: &'a Trainer<'a>,
        train: &'a dyn Dataset,
        validation: &'a dyn Dataset,
    ) -> Result<Self, TrainError> {
        let config = &trainer.config;
        let part = |set: &'a dyn Dataset, split, indices| -> Result<Box<dyn Dataset + 'a>, _> {
            let subset = Subset::new(set, indices);
            let subset = subset.map_err(|source| TrainError::Data { split, source })?;
            Ok::<_, TrainError>(Box::new(subset))
        };
        let mut plan = Self {
            trainer,
            train,
            validation: Box::new(validation),
            augment: trainer.augment,
            single_step: None,
            max_steps: usize::MAX,
        };
        match config.data_limit {
            DataLimit::Full => {}
            DataLimit::OverfitOneBatch => {
                let mut batch = Shuffled.order(train.len(), config.seed, 0);
                batch.truncate(config.samples_per_step());
                plan.validation = part(train, "training", batch.clone())?;
                plan.augment = &NoAugment;
                plan.single_step = Some(SampleUse::of(&batch));
            }
            DataLimit::Limited {
                training_batches,
                validation_batches,
            } => {
                let count = validation_batches.saturating_mul(config.batch_size);
                let indices = (0..validation.len().min(count)).collect();
                plan.validation = part(validation, "validation", indices)?;
                plan.max_steps = training_batches.div_ceil(config.accumulate);
            }
        }
        Ok(plan)
    }

    /// The samples of each step of an epoch (from 0), a function of (seed, epoch).
    ///
    /// # Errors
    /// If the sampler returns another number of samples than its `epoch_len`.
    pub(super) fn steps(&self, epoch: usize) -> Result<Vec<Vec<SampleUse>>, TrainError> {
        if let Some(batch) = &self.single_step {
            return Ok(vec![batch.clone()]);
        }
        let Trainer {
            config, sampler, ..
        } = self.trainer;
        let order = sampler.order(self.train.len(), config.seed, epoch);
        let expected = sampler.epoch_len(self.train.len());
        if order.len() != expected || expected == 0 {
            let got = order.len();
            let problem = format!("an epoch has {got} samples, expected {expected}");
            return Err(TrainError::config("sampler", problem));
        }
        let uses = SampleUse::of(&order);
        let steps = uses.chunks(config.samples_per_step());
        Ok(steps.take(self.max_steps).map(<[_]>::to_vec).collect())
    }

    pub(super) fn steps_per_epoch(&self) -> usize {
        if self.single_step.is_some() {
            return 1;
        }
        let samples = self.trainer.sampler.epoch_len(self.train.len());
        let steps = samples.div_ceil(self.trainer.config.samples_per_step());
        steps.min(self.max_steps)
    }

    /// The loader of the training samples of an epoch (from 0).
    pub(super) fn loader(&self, epoch: usize) -> Loader<'_> {
        Loader {
            dataset: self.train,
            split: "training",
            augment: self.augment,
            seed: self.trainer.config.seed,
            // A single batch is the same batch in each epoch.
            epoch: if self.single_step.is_some() { 0 } else { epoch },
            codec: &*self.trainer.codec,
            input: self.trainer.task.input,
            device: self.trainer.params.device(),
            batch_size: self.trainer.config.batch_size,
            on_unreadable: self.trainer.config.on_unreadable,
            communicator: self.trainer.communicator,
            sources: &self.trainer.sources,
            busy: BusyTime::default(),
        }
    }
}
