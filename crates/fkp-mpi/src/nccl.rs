//! The communicator between GPUs.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr, ValidAsZeroBits};
use candle_core::cuda_backend::cudarc::nccl::{Comm, Id, NcclType, ReduceOp};
use candle_core::cuda_backend::{CudaDType, CudaDevice};
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, DType, Device, Result, Storage, Tensor, bail};
use fkp_train::Communicator;
use std::ffi::c_char;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// Ranks with a CUDA device each, whose tensors NCCL sends from device to device.
///
/// Tensors in host memory, such as the few numbers that a step needs on the CPU, are sent by another
/// communicator, by which the ranks also find each other: one of MPI, for example.
pub struct NcclCommunicator<C> {
    host: C,
    // NCCL's handle belongs to one thread.
    requests: Mutex<Sender<Request>>,
}

struct Request {
    operation: Operation,
    tensor: Tensor,
    reply: Sender<Result<Tensor>>,
}

enum Operation {
    Sum,
    Broadcast { root: usize },
}

impl<C: Communicator> NcclCommunicator<C> {
    /// Connects the devices of all ranks, each with its own.
    ///
    /// # Errors
    /// If `device` is not a CUDA device, or NCCL cannot connect it.
    pub fn new(host: C, device: &Device) -> Result<Self> {
        let Device::Cuda(device) = device else {
            bail!("NCCL: {device:?} is not a CUDA device");
        };
        let id = exchange_id(&host)?;
        let (requests, received) = channel();
        let (ready, is_ready) = channel();
        let (rank, world_size, device) = (host.rank(), host.world_size(), device.clone());
        std::thread::spawn(move || {
            let comm = Comm::from_rank(device.cuda_stream(), rank, world_size, id);
            match comm.map_err(nccl_error) {
                Ok(comm) => {
                    let _ = ready.send(Ok(()));
                    serve(&comm, &received);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
        match is_ready.recv() {
            Ok(connected) => connected?,
            Err(_) => return ended(),
        }
        Ok(Self {
            host,
            requests: Mutex::new(requests),
        })
    }

    /// Ends the connection of the devices, and returns the communicator of tensors in host memory.
    pub fn into_host(self) -> C {
        self.host
    }

    fn request(&self, operation: Operation, tensor: &Tensor) -> Result<Tensor> {
        let (reply, result) = channel();
        let request = Request {
            operation,
            tensor: tensor.contiguous()?,
            reply,
        };
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.send(request) {
            Ok(()) => result.recv().unwrap_or_else(|_| ended()),
            Err(_) => ended(),
        }
    }
}

impl<C: Communicator> Communicator for NcclCommunicator<C> {
    fn rank(&self) -> usize {
        self.host.rank()
    }

    fn world_size(&self) -> usize {
        self.host.world_size()
    }

    fn all_reduce_sum(&self, tensor: &Tensor) -> Result<Tensor> {
        match tensor.device() {
            Device::Cpu => self.host.all_reduce_sum(tensor),
            _ => self.request(Operation::Sum, tensor),
        }
    }

    fn broadcast(&self, tensor: &Tensor, root: usize) -> Result<Tensor> {
        match tensor.device() {
            Device::Cpu => self.host.broadcast(tensor, root),
            _ => self.request(Operation::Broadcast { root }, tensor),
        }
    }
}

/// The name of the group of devices, which rank 0 makes.
fn exchange_id(host: &dyn Communicator) -> Result<Id> {
    let own = match host.rank() {
        0 => *Id::new().map_err(nccl_error)?.internal(),
        _ => [0; 128],
    };
    let own: Vec<i64> = own.iter().map(|&byte| i64::from(byte)).collect();
    let id = host.broadcast(&Tensor::new(own, &Device::Cpu)?, 0)?;
    let mut bytes = [0; 128];
    for (byte, value) in bytes.iter_mut().zip(id.to_vec1::<i64>()?) {
        *byte = value as c_char;
    }
    Ok(Id::uninit(bytes))
}

/// Does what is asked for until the communicator is dropped.
fn serve(comm: &Comm, requests: &Receiver<Request>) {
    for Request {
        operation,
        tensor,
        reply,
    } in requests
    {
        let result = match tensor.dtype() {
            DType::F32 => perform::<f32>(comm, &operation, &tensor),
            DType::F64 => perform::<f64>(comm, &operation, &tensor),
            DType::U32 => perform::<u32>(comm, &operation, &tensor),
            DType::I64 => perform::<i64>(comm, &operation, &tensor),
            dtype => unsupported(dtype),
        };
        // Whoever asked waits for the reply.
        let _ = reply.send(result);
    }
}

fn perform<T>(comm: &Comm, operation: &Operation, tensor: &Tensor) -> Result<Tensor>
where
    T: CudaDType + NcclType + DeviceRepr + ValidAsZeroBits,
{
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cuda(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets())
    else {
        bail!("NCCL: expected a contiguous tensor on a CUDA device");
    };
    let device: &CudaDevice = storage.device();
    let own: CudaView<'_, T> = storage.as_cuda_slice::<T>()?.slice(start..end);
    let mut result: CudaSlice<T> = device.alloc_zeros(end - start)?;
    let status = match operation {
        Operation::Sum => comm.all_reduce(&own, &mut result, &ReduceOp::Sum),
        Operation::Broadcast { root } => comm.broadcast(Some(&own), &mut result, *root as i32),
    };
    status.map_err(nccl_error)?;
    let result = Storage::Cuda(CudaStorage::wrap_cuda_slice(result, device.clone()));
    let (shape, op) = (tensor.shape().clone(), BackpropOp::none());
    Ok(Tensor::from_storage(result, shape, op, false))
}

fn unsupported<T>(dtype: DType) -> Result<T> {
    bail!("NCCL: tensors of type {dtype:?} are not supported")
}

fn ended<T>() -> Result<T> {
    bail!("NCCL: the connection of the devices has ended")
}

fn nccl_error(error: impl std::fmt::Debug) -> candle_core::Error {
    candle_core::Error::Msg(format!("NCCL: {error:?}"))
}
