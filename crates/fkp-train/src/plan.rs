//! Which samples each step uses, and how they are read.

use crate::fit::Fit;
use crate::loader::{Loader, OnUnreadable};
use crate::{DataLimit, Sampler, Shuffled, TrainError, Unreadable};
use fkp_core::{Augment, Dataset, NoAugment, Subset};

/// The data of a run after [`DataLimit`] was applied to it.
pub(crate) struct Plan<'a> {
    fit: &'a Fit<'a>,
    pub(crate) validation: Box<dyn Dataset + 'a>,
    augment: &'a dyn Augment,
    /// The one batch of a run that uses no other.
    only: Option<Vec<usize>>,
    most_steps: usize,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(fit: &'a Fit<'a>) -> Result<Self, TrainError> {
        let config = fit.config;
        let part = |set: &'a dyn Dataset, split, indices| -> Result<Box<dyn Dataset + 'a>, _> {
            let subset = Subset::new(set, indices);
            let subset = subset.map_err(|source| TrainError::Data { split, source })?;
            Ok::<_, TrainError>(Box::new(subset))
        };
        let mut plan = Self {
            fit,
            validation: Box::new(fit.validation),
            augment: fit.augment,
            only: None,
            most_steps: usize::MAX,
        };
        match config.data_limit {
            DataLimit::Full => {}
            DataLimit::OverfitOneBatch => {
                let mut batch = Shuffled.order(fit.train.len(), config.seed, 0);
                batch.truncate(config.samples_per_step());
                plan.validation = part(fit.train, "training", batch.clone())?;
                plan.augment = &NoAugment;
                plan.only = Some(batch);
            }
            DataLimit::Limited {
                training_batches,
                validation_batches,
            } => {
                let count = validation_batches.saturating_mul(config.batch_size);
                let indices = (0..fit.validation.len().min(count)).collect();
                plan.validation = part(fit.validation, "validation", indices)?;
                plan.most_steps = training_batches.div_ceil(config.accumulate);
            }
        }
        Ok(plan)
    }

    /// The samples of each step of an epoch (from 0), a function of (seed, epoch).
    ///
    /// # Errors
    /// If the sampler gives another number of samples than it said.
    pub(crate) fn steps(&self, epoch: usize) -> Result<Vec<Vec<usize>>, TrainError> {
        if let Some(batch) = &self.only {
            return Ok(vec![batch.clone()]);
        }
        let Fit { config, train, .. } = *self.fit;
        let order = self.fit.sampler.order(train.len(), config.seed, epoch);
        let said = self.fit.sampler.epoch_len(train.len());
        if order.len() != said || said == 0 {
            let got = order.len();
            return Err(TrainError::Config {
                field: "sampler".to_owned(),
                problem: format!("an epoch has {got} samples, it was to have {said}"),
            });
        }
        let steps = order.chunks(config.samples_per_step());
        Ok(steps.take(self.most_steps).map(<[_]>::to_vec).collect())
    }

    pub(crate) fn steps_per_epoch(&self) -> usize {
        if self.only.is_some() {
            return 1;
        }
        let samples = self.fit.sampler.epoch_len(self.fit.train.len());
        let steps = samples.div_ceil(self.fit.config.samples_per_step());
        steps.min(self.most_steps)
    }

    /// Reads the training samples of an epoch (from 0).
    pub(crate) fn loader(&self, epoch: usize) -> Loader<'_> {
        Loader {
            dataset: self.fit.train,
            split: "training",
            augment: self.augment,
            seed: self.fit.config.seed,
            epoch,
            codec: self.fit.codec,
            input: self.fit.task.input,
            device: self.fit.params.device(),
            batch_size: self.fit.config.batch_size,
            unreadable: match self.fit.config.unreadable {
                Unreadable::Stop => OnUnreadable::Stop,
                Unreadable::Skip { .. } => OnUnreadable::Skip,
            },
            communicator: self.fit.communicator,
        }
    }
}
