//! Training losses on their way from the device.

use crate::{Communicator, Progress, TrainError};
use candle_core::{DType, Device, Tensor};

/// Reading a number from an accelerator waits for everything that was asked of it before. So
/// losses stay there for some steps and come over together; on the CPU nothing has to wait.
const STEPS_ON_A_DEVICE: usize = 32;

/// The losses of the steps that were not read yet.
pub(crate) struct Losses {
    most: usize,
    pending: Vec<Pending>,
}

struct Pending {
    /// Step within the epoch, from 1.
    step: usize,
    samples: Vec<usize>,
    /// The sum over this rank's samples.
    sum: Tensor,
    /// Of the samples of all ranks.
    weight: f64,
}

impl Losses {
    pub(crate) fn new(device: &Device) -> Self {
        let most = if device.is_cpu() {
            1
        } else {
            STEPS_ON_A_DEVICE
        };
        let pending = Vec::new();
        Self { most, pending }
    }

    /// Takes the loss of a step, and reads those that wait if there are enough of them.
    pub(crate) fn push(
        &mut self,
        (step, samples): (usize, Vec<usize>),
        sum: Tensor,
        weight: f64,
        progress: &mut Progress,
        communicator: &dyn Communicator,
    ) -> Result<(), TrainError> {
        self.pending.push(Pending {
            step,
            samples,
            sum,
            weight,
        });
        match self.pending.len() < self.most {
            true => Ok(()),
            false => self.read(progress, communicator),
        }
    }

    /// Adds the losses that wait to the epoch's, and refuses the first that is no number.
    pub(crate) fn read(
        &mut self,
        progress: &mut Progress,
        communicator: &dyn Communicator,
    ) -> Result<(), TrainError> {
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
        for (pending, loss) in self.pending.drain(..).zip(sums.to_vec1::<f64>()?) {
            if !loss.is_finite() {
                return Err(TrainError::NotFinite {
                    loss,
                    epoch: progress.epochs_done + 1,
                    step: pending.step,
                    samples: pending.samples,
                });
            }
            progress.loss_sum += loss;
            progress.weight_sum += pending.weight;
        }
        Ok(())
    }
}
