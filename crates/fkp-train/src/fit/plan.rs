//! The samples of each optimizer step, and the loader that reads them.

use super::setup::Setup;
use crate::data::Loader;
use crate::{DataLimit, Sampler, Shuffled, TrainError};
use fkp_core::{Augment, Dataset, NoAugment, Subset};

/// The data of a run after [`DataLimit`] was applied.
pub(super) struct Plan<'a> {
    setup: &'a Setup<'a>,
    pub(super) validation: Box<dyn Dataset + 'a>,
    augment: &'a dyn Augment,
    /// The samples of the only step per epoch, if all steps use the same batch.
    single_step: Option<Vec<usize>>,
    max_steps: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(setup: &'a Setup<'a>) -> Result<Self, TrainError> {
        let config = setup.config;
        let part = |set: &'a dyn Dataset, split, indices| -> Result<Box<dyn Dataset + 'a>, _> {
            let subset = Subset::new(set, indices);
            let subset = subset.map_err(|source| TrainError::Data { split, source })?;
            Ok::<_, TrainError>(Box::new(subset))
        };
        let mut plan = Self {
            setup,
            validation: Box::new(setup.validation),
            augment: setup.augment,
            single_step: None,
            max_steps: usize::MAX,
        };
        match config.data_limit {
            DataLimit::Full => {}
            DataLimit::OverfitOneBatch => {
                let mut batch = Shuffled.order(setup.train.len(), config.seed, 0);
                batch.truncate(config.samples_per_step());
                plan.validation = part(setup.train, "training", batch.clone())?;
                plan.augment = &NoAugment;
                plan.single_step = Some(batch);
            }
            DataLimit::Limited {
                training_batches,
                validation_batches,
            } => {
                let count = validation_batches.saturating_mul(config.batch_size);
                let indices = (0..setup.validation.len().min(count)).collect();
                plan.validation = part(setup.validation, "validation", indices)?;
                plan.max_steps = training_batches.div_ceil(config.accumulate);
            }
        }
        Ok(plan)
    }

    /// The samples of each step of an epoch (from 0), a function of (seed, epoch).
    ///
    /// # Errors
    /// If the sampler returns another number of samples than its `epoch_len`.
    pub(super) fn steps(&self, epoch: usize) -> Result<Vec<Vec<usize>>, TrainError> {
        if let Some(batch) = &self.single_step {
            return Ok(vec![batch.clone()]);
        }
        let Setup { config, train, .. } = *self.setup;
        let order = self.setup.sampler.order(train.len(), config.seed, epoch);
        let expected = self.setup.sampler.epoch_len(train.len());
        if order.len() != expected || expected == 0 {
            let got = order.len();
            let problem = format!("an epoch has {got} samples, expected {expected}");
            return Err(TrainError::config("sampler", problem));
        }
        let steps = order.chunks(config.samples_per_step());
        Ok(steps.take(self.max_steps).map(<[_]>::to_vec).collect())
    }

    pub(super) fn steps_per_epoch(&self) -> usize {
        if self.single_step.is_some() {
            return 1;
        }
        let samples = self.setup.sampler.epoch_len(self.setup.train.len());
        let steps = samples.div_ceil(self.setup.config.samples_per_step());
        steps.min(self.max_steps)
    }

    /// The loader of the training samples of an epoch (from 0).
    pub(super) fn loader(&self, epoch: usize) -> Loader<'_> {
        Loader {
            dataset: self.setup.train,
            split: "training",
            augment: self.augment,
            seed: self.setup.config.seed,
            epoch,
            codec: self.setup.codec,
            input: self.setup.task.input,
            device: self.setup.params.device(),
            batch_size: self.setup.config.batch_size,
            on_unreadable: self.setup.config.on_unreadable,
            communicator: self.setup.communicator,
        }
    }
}
