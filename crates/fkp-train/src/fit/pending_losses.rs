//! Training losses that were computed on the device but not read yet.

use super::progress::{LossSum, Progress};
use super::trainer::Trainer;
use crate::TrainError;
use candle_core::{DType, Device, Tensor};

/// Reading a number from an accelerator synchronizes with it. So the losses of several steps are
/// read together; on the CPU each loss is read at once.
const STEPS_ON_A_DEVICE: usize = 32;

/// The losses of the steps that were not read yet.
pub(super) struct PendingLosses {
    max_pending: usize,
    pending: Vec<StepLoss>,
}

/// The loss of an optimizer step.
pub(super) struct StepLoss {
    /// Step within the epoch, from 1.
    pub(super) step: usize,
    /// Indices of the step's samples in the training set.
    pub(super) samples: Vec<usize>,
    /// The sum over this rank's samples.
    pub(super) sum: Tensor,
    /// The label weights of the samples of all ranks.
    pub(super) weight: f64,
    /// The loss of each source in this rank's batches.
    pub(super) sources: Vec<SourceSum>,
}

/// The loss of the samples of one source in a batch.
pub(super) struct SourceSum {
    /// Number of the source.
    pub(super) source: usize,
    pub(super) sum: Tensor,
    /// Their label weights.
    pub(super) weight: f64,
}

impl PendingLosses {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            max_pending: match device.is_cpu() {
                true => 1,
                false => STEPS_ON_A_DEVICE,
            },
            pending: Vec::new(),
        }
    }

    /// Adds the loss of a step, and reads the pending losses if there are enough of them.
    pub(super) fn push(
        &mut self,
        loss: StepLoss,
        progress: &mut Progress,
        trainer: &Trainer<'_>,
    ) -> Result<(), TrainError> {
        self.pending.push(loss);
        match self.pending.len() < self.max_pending {
            true => Ok(()),
            false => self.read(progress, trainer),
        }
    }

    /// Adds the pending losses to the epoch's, and refuses the first that is not finite.
    pub(super) fn read(
        &mut self,
        progress: &mut Progress,
        trainer: &Trainer<'_>,
    ) -> Result<(), TrainError> {
        let communicator = trainer.communicator;
        if self.pending.is_empty() {
            return Ok(());
        }
        let sums: Vec<&Tensor> = self.pending.iter().map(|p| &p.sum).collect();
        let mut sums = Tensor::stack(&sums, 0)?
            .to_device(&Device::Cpu)?
            .to_dtype(DType::F64)?;
        if communicator.world_size() > 1 {
            sums = communicator.all_reduce_sum(&sums)?;
        }
        self.read_sources(progress, trainer)?;
        for (pending, loss) in self.pending.drain(..).zip(sums.to_vec1::<f64>()?) {
            if !loss.is_finite() {
                return Err(TrainError::LossNotFinite {
                    loss,
                    epoch: progress.epochs_done + 1,
                    step: pending.step,
                    in_sources: trainer.sources.describe(&pending.samples),
                    samples: pending.samples,
                });
            }
            progress.loss_sum += loss;
            progress.weight_sum += pending.weight;
        }
        Ok(())
    }

    /// Adds the pending losses of each source to the epoch's.
    fn read_sources(
        &self,
        progress: &mut Progress,
        trainer: &Trainer<'_>,
    ) -> Result<(), TrainError> {
        if trainer.sources.len() == 0 {
            return Ok(());
        }
        let parts = || self.pending.iter().flat_map(|pending| &pending.sources);
        let mut sums = vec![LossSum::default(); trainer.sources.len()];
        if parts().next().is_some() {
            let losses: Vec<&Tensor> = parts().map(|part| &part.sum).collect();
            let losses = Tensor::stack(&losses, 0)?.to_device(&Device::Cpu)?;
            let losses = losses.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            for (part, loss) in parts().zip(losses) {
                sums[part.source].loss += loss;
                sums[part.source].weight += part.weight;
            }
        }
        if trainer.communicator.world_size() > 1 {
            let own: Vec<f64> = sums.iter().flat_map(|s| [s.loss, s.weight]).collect();
            let own = Tensor::new(own, &Device::Cpu)?;
            let all = trainer.communicator.all_reduce_sum(&own)?.to_vec1()?;
            for (sum, values) in sums.iter_mut().zip(all.chunks_exact(2)) {
                (sum.loss, sum.weight) = (values[0], values[1]);
            }
        }
        for (total, sum) in progress.sources.iter_mut().zip(sums) {
            total.loss += sum.loss;
            total.weight += sum.weight;
        }
        Ok(())
    }
}
