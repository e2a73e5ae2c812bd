//! The communicator.

use crate::watch::Watch;
use candle_core::{DType, Result, Shape, Tensor, WithDType, bail};
use fkp_train::Communicator;
use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::datatype::{Equivalence, PartitionMut};
use mpi::environment::Universe;
use mpi::request::{Request, Scope, scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives, Root};
use std::time::{Duration, Instant};

/// Training cannot start on several ranks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MpiError {
    /// This process has initialized MPI before.
    #[error("MPI is already initialized in this process")]
    AlreadyInitialized,
    /// The MPI library was built without `MPI_THREAD_MULTIPLE`.
    #[error("the MPI library does not allow calls of several threads (MPI_THREAD_MULTIPLE)")]
    SingleThreaded,
}

/// The ranks that `mpirun` started.
///
/// Every rank must call [`finish`](Self::finish) when its work is done. A communicator that is dropped
/// without it, because of an error or a panic, ends all ranks: they would wait for this one forever. A
/// rank that dies or stops ends all ranks within ten seconds, too.
pub struct MpiCommunicator {
    rank: usize,
    world_size: usize,
    /// `None` once the rank has finished.
    watch: Option<Watch>,
    // Finalizes MPI when it is dropped.
    _universe: Universe,
}

impl MpiCommunicator {
    /// Joins the other ranks. A program that was started without `mpirun` is a single rank.
    ///
    /// # Errors
    /// If MPI is already initialized, or does not allow calls of several threads.
    pub fn new() -> std::result::Result<Self, MpiError> {
        let initialized = mpi::initialize_with_threading(Threading::Multiple);
        let (universe, threading) = initialized.ok_or(MpiError::AlreadyInitialized)?;
        if threading != Threading::Multiple {
            return Err(MpiError::SingleThreaded);
        }
        let world = universe.world();
        Ok(Self {
            rank: world.rank() as usize,
            world_size: world.size() as usize,
            watch: Some(Watch::start()),
            _universe: universe,
        })
    }

    /// Waits until all ranks have finished.
    pub fn finish(mut self) {
        if let Some(watch) = self.watch.take() {
            watch.finish();
        }
    }

    /// Ends all ranks with this exit code.
    pub fn abort(&self, exit_code: i32) -> ! {
        SimpleCommunicator::world().abort(exit_code)
    }
}

impl Drop for MpiCommunicator {
    fn drop(&mut self) {
        if self.watch.is_some() {
            eprintln!("rank {} ends early, and with it all ranks", self.rank);
            self.abort(1);
        }
    }
}

impl Communicator for MpiCommunicator {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world_size(&self) -> usize {
        self.world_size
    }

    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor> {
        match tensor.dtype() {
            DType::F32 => sum::<f32>(tensor),
            DType::F64 => sum::<f64>(tensor),
            DType::U32 => sum::<u32>(tensor),
            DType::I64 => sum::<i64>(tensor),
            dtype => unsupported(dtype),
        }
    }

    fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<Tensor> {
        match tensor.dtype() {
            DType::F32 => broadcast::<f32>(tensor, root),
            DType::F64 => broadcast::<f64>(tensor, root),
            DType::U32 => broadcast::<u32>(tensor, root),
            DType::I64 => broadcast::<i64>(tensor, root),
            dtype => unsupported(dtype),
        }
    }

    fn all_gather(&self, tensor: &Tensor) -> Result<Vec<Tensor>> {
        match tensor.dtype() {
            DType::F32 => gather::<f32>(tensor, self.world_size),
            DType::F64 => gather::<f64>(tensor, self.world_size),
            DType::U32 => gather::<u32>(tensor, self.world_size),
            DType::I64 => gather::<i64>(tensor, self.world_size),
            dtype => unsupported(dtype),
        }
    }
}

fn unsupported<T>(dtype: DType) -> Result<T> {
    bail!("MPI: tensors of type {dtype:?} are not supported")
}

/// The values in host memory, in row-major order.
fn values<T: WithDType>(tensor: &Tensor) -> Result<Vec<T>> {
    let values = tensor.flatten_all()?.to_vec1()?;
    // MPI counts values in a C `int`.
    match i32::try_from(values.len()) {
        Ok(_) => Ok(values),
        Err(_) => bail!("MPI: {} values in one message", values.len()),
    }
}

fn sum<T: WithDType + Equivalence>(tensor: &Tensor) -> Result<Tensor> {
    let own = values::<T>(tensor)?;
    let mut sum = vec![T::zero(); own.len()];
    scope(|scope| {
        let world = SimpleCommunicator::world();
        let add = SystemOperation::sum();
        wait(world.immediate_all_reduce_into(scope, &own[..], &mut sum[..], add));
    });
    Tensor::from_vec(sum, tensor.shape(), tensor.device())
}

fn broadcast<T: WithDType + Equivalence>(tensor: &Tensor, root: usize) -> Result<Tensor> {
    let mut values = values::<T>(tensor)?;
    scope(|scope| {
        let world = SimpleCommunicator::world();
        let root = world.process_at_rank(root as i32);
        wait(root.immediate_broadcast_into(scope, &mut values[..]));
    });
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

fn gather<T: WithDType + Equivalence>(tensor: &Tensor, world_size: usize) -> Result<Vec<Tensor>> {
    let world = SimpleCommunicator::world();
    let own = values::<T>(tensor)?;
    let mut rows = vec![0i32; world_size];
    let own_rows = [tensor.dim(0)? as i32];
    scope(|scope| {
        wait(world.immediate_all_gather_into(scope, &own_rows[..], &mut rows[..]));
    });
    let row_len: usize = tensor.dims()[1..].iter().product();
    let total = rows.iter().map(|&rows| rows as usize).sum::<usize>() * row_len;
    if i32::try_from(total).is_err() {
        bail!("MPI: {total} values from all ranks");
    }
    let counts: Vec<i32> = rows.iter().map(|&rows| rows * row_len as i32).collect();
    let starts: Vec<i32> = counts
        .iter()
        .scan(0, |end, count| {
            *end += count;
            Some(*end - count)
        })
        .collect();
    let mut all = vec![T::zero(); total];
    {
        let mut parts = PartitionMut::new(&mut all[..], counts, &starts[..]);
        scope(|scope| wait(world.immediate_all_gather_varcount_into(scope, &own[..], &mut parts)));
    }
    let mut rest = &all[..];
    let parts = rows.iter().map(|&rows| {
        let mut dims = tensor.dims().to_vec();
        dims[0] = rows as usize;
        let (part, others) = rest.split_at(dims[0] * row_len);
        rest = others;
        Tensor::from_slice(part, Shape::from(dims), tensor.device())
    });
    parts.collect()
}

/// How long a rank asks without a pause whether a message is complete: the ranks of a step come at
/// about the same time, and a pause takes longer than a small message.
const WITHOUT_PAUSE: Duration = Duration::from_micros(200);
/// The pause after that. MPI's own waiting occupies a core, which the threads of the backward pass and
/// of the loader need.
const PAUSE: Duration = Duration::from_micros(20);

fn wait<'a, D: ?Sized, S: Scope<'a>>(mut request: Request<'a, D, S>) {
    let started = Instant::now();
    while let Err(incomplete) = request.test() {
        request = incomplete;
        match started.elapsed() < WITHOUT_PAUSE {
            true => std::thread::yield_now(),
            false => std::thread::sleep(PAUSE),
        }
    }
}
