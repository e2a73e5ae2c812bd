//! The ways to start a run.

use super::learning_rate_finder::{LearningRateCurve, LearningRateFinder, range_test};
use super::outcome::TrainOutcome;
use super::run::Run;
use super::trainer::Trainer;
use crate::checkpoint::Changes;
use crate::{Observer, RunDifference, TrainError};
use fkp_core::Dataset;

impl Trainer<'_> {
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
        let mut run = Run::new(self, train, validation, self.checkpoints.as_ref())?;
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
        let mut run = Run::new(self, train, validation, self.checkpoints.as_ref())?;
        run.restore(Changes::Refused)?;
        run.train(observer)
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
        let mut run = Run::new(self, train, validation, self.checkpoints.as_ref())?;
        run.restore(Changes::Accepted)?;
        run.train(observer)
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
        let checkpoints = self.checkpoints_to_resume()?;
        checkpoints.differences(&self.identity(train, validation))
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
        range_test(self, train, finder)
    }
}
