//! Variables that belong to a network and that the optimizer leaves alone.
//!
//! What a variable is for is told by its name, as everywhere in candle and PyTorch:
//!
//! - `running_mean`, `running_var`: statistics of a batch normalization. They are part of the
//!   model: saved, resumed, averaged and loaded with the weights.
//! - `dropout_seed`: the seed of the next mask of a dropout layer. It is a function of the step,
//!   and so is set before each forward pass instead of being saved.

use super::Params;
use crate::Communicator;
use candle_core::{Device, Result, Tensor, Var};
use fkp_core::{Purpose, Rng, fnv1a, rng_for};

/// What the name of a variable says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Trained by the optimizer.
    Weight,
    /// Part of the model, updated by its layer in each forward pass of the training.
    RunningStatistic,
    /// The seed of the masks of a dropout layer.
    DropoutSeed,
}

impl Role {
    pub(super) fn of(name: &str) -> Self {
        if name.ends_with("running_mean") || name.ends_with("running_var") {
            Self::RunningStatistic
        } else if name.ends_with(fkp_kernels::DROPOUT_SEED) {
            Self::DropoutSeed
        } else {
            Self::Weight
        }
    }
}

/// Which forward pass of a run it is. Each has dropout masks of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardPass {
    /// The seed of the run.
    pub seed: u64,
    /// Steps of the optimizer before this one.
    pub step: usize,
    /// Number of the batch among those whose gradients this step sums.
    pub batch: usize,
    /// Rank of this process in a data-parallel run; 0 where there is one process.
    pub rank: usize,
}

impl ForwardPass {
    /// Never 0, which is the seed of a layer whose seed was not set.
    fn dropout_seed(&self, name: &str) -> u64 {
        let place = [self.batch as u64, self.rank as u64];
        let place = place.iter().flat_map(|number| number.to_le_bytes());
        let index = fnv1a(name.bytes().chain(place));
        let mut rng = rng_for(self.seed, Purpose::Dropout, self.step as u64, index);
        rng.next_u64().max(1)
    }
}

impl Params {
    /// The variables that the optimizer does not train, sorted by name: those whose names end in
    /// `running_mean`, `running_var` or `dropout_seed`.
    pub fn buffers(&self) -> Vec<(String, Var)> {
        self.with(|role| role != Role::Weight)
    }

    /// Gives every dropout layer the seed of its mask in a forward pass, a function of the pass
    /// and the layer's name. The training loop calls this before each forward pass; a loop of
    /// your own does the same.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn seed_dropout(&self, pass: &ForwardPass) -> Result<()> {
        for (name, var) in self.with(|role| role == Role::DropoutSeed) {
            let seed = Tensor::full(pass.dropout_seed(&name) as i64, var.shape(), &Device::Cpu)?;
            var.set(&seed)?;
        }
        Ok(())
    }

    /// Replaces the running statistics of each rank by their mean over the ranks, so that all
    /// ranks have the same: each has seen its own share of the batch.
    pub(crate) fn average_statistics_over_ranks(
        &self,
        communicator: &dyn Communicator,
    ) -> Result<()> {
        let statistics = self.with(|role| role == Role::RunningStatistic);
        if communicator.world_size() == 1 || statistics.is_empty() {
            return Ok(());
        }
        let flat: Vec<_> = statistics
            .iter()
            .map(|(_, var)| var.as_detached_tensor().flatten_all())
            .collect::<Result<_>>()?;
        // One message instead of two for each layer: what takes time is their number.
        let sum = communicator.all_reduce_sum(&Tensor::cat(&flat, 0)?)?;
        let mean = (sum / communicator.world_size() as f64)?;
        let mut start = 0;
        for (_, var) in &statistics {
            let part = mean.narrow(0, start, var.elem_count())?;
            var.set(&part.reshape(var.shape())?)?;
            start += var.elem_count();
        }
        Ok(())
    }
}
