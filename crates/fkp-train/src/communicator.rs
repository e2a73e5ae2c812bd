//! The seam to data-parallel training: what several processes tell each other.

use candle_core::{Result, Tensor};

/// Connects the ranks of a data-parallel run. Every rank makes the same calls in the same order.
///
/// The loop gives each rank its share of every batch, sums the gradients over the ranks, and
/// updates everywhere alike; rank 0 writes and is watched. Implementations wrap an engine such as
/// MPI or NCCL; [`SingleProcess`] is a run of its own.
pub trait Communicator: Send + Sync {
    /// Which of the ranks this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn world_size(&self) -> usize;

    /// The elementwise sum of every rank's `tensor`, the same bits on all of them. Ranks pass
    /// tensors of one shape and type.
    ///
    /// # Errors
    /// If the ranks cannot be reached, or pass different shapes.
    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor>;

    /// The `tensor` of rank `root`, on all ranks.
    ///
    /// # Errors
    /// If the ranks cannot be reached.
    fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<Tensor>;
}

/// One rank: nothing to tell anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn world_size(&self) -> usize {
        1
    }

    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor> {
        Ok(tensor.clone())
    }

    fn broadcast(&self, tensor: &Tensor, _: usize) -> Result<Tensor> {
        Ok(tensor.clone())
    }
}

/// The share of one rank: of each batch every `world_size`-th sample, beginning with its own
/// number. Sizes differ by one at most.
pub(crate) fn share(batch: &[usize], communicator: &dyn Communicator) -> Vec<usize> {
    let own = batch.iter().skip(communicator.rank());
    own.step_by(communicator.world_size()).copied().collect()
}

/// The sum over the ranks of one number each, in `f64`.
pub(crate) fn sum_over_ranks(value: f64, communicator: &dyn Communicator) -> Result<f64> {
    if communicator.world_size() == 1 {
        return Ok(value);
    }
    let tensor = Tensor::new(value, &candle_core::Device::Cpu)?;
    communicator.all_reduce_sum(&tensor)?.to_scalar::<f64>()
}
