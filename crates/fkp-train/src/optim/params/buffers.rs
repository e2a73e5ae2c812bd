//! The buffers of a network: variables that the optimizer does not train.

use super::role::Role;
use super::variables::Params;
use crate::Communicator;
use candle_core::{Device, Result, Tensor, Var};
use fkp_core::{Purpose, Rng, fnv1a, rng_for};

/// Identifies a forward pass of a run. Each has its own dropout masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardPass {
    /// The seed of the run.
    pub seed: u64,
    /// Optimizer steps before this one.
    pub step: usize,
    /// Index of the batch among those whose gradients this step accumulates.
    pub batch: usize,
    /// Rank of this process in a data-parallel run; 0 where there is one process.
    pub rank: usize,
}

impl ForwardPass {
    /// Never 0, which is the seed of a layer whose seed was not set.
    fn dropout_seed(&self, name: &str) -> u64 {
        let numbers = [self.batch as u64, self.rank as u64];
        let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
        let index = fnv1a(name.bytes().chain(numbers));
        let mut rng = rng_for(self.seed, Purpose::Dropout, self.step as u64, index);
        rng.next_u64().max(1)
    }
}

impl Params {
    /// The variables that the optimizer does not train, sorted by name: those whose names end in
    /// `running_mean`, `running_var` or `dropout_seed`.
    pub fn buffers(&self) -> Vec<(String, Var)> {
        self.with_role(|role| role != Role::Weight)
    }

    /// Sets the seed of every dropout layer for a forward pass, a function of the pass and the
    /// layer's name. The training loop calls this before each forward pass; a custom loop must
    /// do the same.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn seed_dropout(&self, pass: &ForwardPass) -> Result<()> {
        for (name, var) in self.with_role(|role| role == Role::DropoutSeed) {
            let seed = Tensor::full(pass.dropout_seed(&name) as i64, var.shape(), &Device::Cpu)?;
            var.set(&seed)?;
        }
        Ok(())
    }

    /// Replaces the running statistics by their mean over the ranks, so that all ranks have the
    /// same: each has computed them from its own share of the batch.
    pub(crate) fn average_statistics_over_ranks(
        &self,
        communicator: &dyn Communicator,
    ) -> Result<()> {
        let statistics = self.with_role(|role| role == Role::RunningStatistic);
        if communicator.world_size() == 1 || statistics.is_empty() {
            return Ok(());
        }
        let flat: Vec<_> = statistics
            .iter()
            .map(|(_, var)| var.as_detached_tensor().flatten_all())
            .collect::<Result<_>>()?;
        // One message for all layers: the time depends on the number of messages.
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
