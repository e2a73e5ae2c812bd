//! The interface for data-parallel training: communication between processes.

use candle_core::{Device, Result, Tensor};

/// Connects the ranks of a data-parallel run. Every rank makes the same calls in the same order.
///
/// Each rank trains on its share of every batch, gradients are summed over the ranks, and all ranks
/// make the same update. Only rank 0 writes files and calls the observers. Implementations wrap a
/// library such as MPI or NCCL; [`SingleProcess`] is a run in one process.
///
/// While the backward pass goes on, another thread makes the calls. There are never two at once.
pub trait Communicator: Send + Sync {
    /// The rank of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn world_size(&self) -> usize;

    /// The elementwise sum of all ranks' tensors, bit-identical on all ranks. All ranks pass
    /// tensors of the same shape and type.
    ///
    /// # Errors
    /// If communication fails, or the shapes differ.
    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor>;

    /// The `tensor` of rank `root`, on all ranks. All ranks pass tensors of the same shape and type.
    ///
    /// # Errors
    /// If communication fails.
    fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<Tensor>;

    /// The tensors of all ranks, in the order of the ranks. They have the same type and shape but for
    /// the first dimension, which may be 0.
    ///
    /// The default implementation is a sum of tensors that are zero but for the own rows.
    ///
    /// # Errors
    /// If communication fails, or the shapes differ.
    fn all_gather(&self, tensor: &Tensor) -> Result<Vec<Tensor>> {
        let (rank, world_size, rows) = (self.rank(), self.world_size(), tensor.dim(0)?);
        let own_count = |other| if other == rank { rows as f64 } else { 0.0 };
        let counts: Vec<f64> = (0..world_size).map(own_count).collect();
        let counts = self.all_reduce_sum(&Tensor::new(counts, &Device::Cpu)?)?;
        let counts: Vec<usize> = counts
            .to_vec1::<f64>()?
            .iter()
            .map(|&c| c as usize)
            .collect();
        let zeros = |rows: &[usize]| {
            let mut shape = tensor.dims().to_vec();
            shape[0] = rows.iter().sum();
            Tensor::zeros(shape, tensor.dtype(), tensor.device())
        };
        let parts = [
            zeros(&counts[..rank])?,
            tensor.clone(),
            zeros(&counts[rank + 1..])?,
        ];
        let parts: Vec<&Tensor> = parts.iter().filter(|part| part.elem_count() > 0).collect();
        if parts.is_empty() {
            return Ok(vec![tensor.clone(); world_size]);
        }
        let all = self.all_reduce_sum(&Tensor::cat(&parts, 0)?)?;
        let mut start = 0;
        let parts = counts.iter().map(|&count| {
            let part = all.narrow(0, start, count);
            start += count;
            part
        });
        parts.collect()
    }
}

/// A run in a single process.
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

/// The share of this rank: every `world_size`-th sample of the batch, starting at its own rank. The
/// sizes of the shares differ by at most one.
pub(crate) fn share<T: Copy>(batch: &[T], communicator: &dyn Communicator) -> Vec<T> {
    let own = batch.iter().skip(communicator.rank());
    own.step_by(communicator.world_size()).copied().collect()
}

/// The sum of one number per rank, in `f64`.
pub(crate) fn sum_over_ranks(value: f64, communicator: &dyn Communicator) -> Result<f64> {
    if communicator.world_size() == 1 {
        return Ok(value);
    }
    let tensor = Tensor::new(value, &Device::Cpu)?;
    communicator.all_reduce_sum(&tensor)?.to_scalar::<f64>()
}
