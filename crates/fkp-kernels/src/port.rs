//! How operations pass their results and gradients to each other without candle's sums of
//! gradients, and blocks also their images channels last.
//!
//! candle adds the gradient of every operand to a tensor of zeros. In its graph an operation with a
//! port therefore yields a single value, the token, and another operation makes the result from the
//! token. Whoever reads the result gets an ordinary tensor. An operation that knows ports takes
//! the token as its operand in the graph, and adds its gradient to the [`Slot`] of the other one,
//! which candle calls when all readers are done.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, TensorId, bail};
use rayon::prelude::*;

use crate::host::with_values;
use crate::layout::{Add, Frame};
use crate::recycle::Buffer;
use crate::simd::dispatch;

/// The ports of all results that exist.
static PORTS: LazyLock<Mutex<HashMap<TensorId, Weak<Port>>>> = LazyLock::new(Mutex::default);

/// The result of an operation, for other operations.
#[derive(Debug)]
pub(crate) struct Port {
    /// The operation in candle's graph.
    pub(crate) token: Tensor,
    pub(crate) slot: Arc<Slot>,
    /// The images channels last, a frame without margin each, where the gradient is also laid out
    /// so; otherwise it is laid out as the result.
    frames: Option<Frames>,
    /// The tensor of the result.
    id: OnceLock<TensorId>,
}

impl Port {
    /// The port of a tensor whose images are also channels last.
    pub(crate) fn with_frames(tensor: &Tensor) -> Option<Arc<Self>> {
        Self::of(tensor).filter(|port| port.frames.is_some())
    }

    /// The port of a tensor whose gradient is laid out as the tensor.
    pub(crate) fn without_frames(tensor: &Tensor) -> Option<Arc<Self>> {
        Self::of(tensor).filter(|port| port.frames.is_none())
    }

    fn of(tensor: &Tensor) -> Option<Arc<Self>> {
        lock(&PORTS).get(&tensor.id()).and_then(Weak::upgrade)
    }

    /// The images channels last; empty if there are none.
    pub(crate) fn images(&self) -> &[f32] {
        self.frames.as_ref().map_or(&[], |frames| &frames.values)
    }

    /// The value that a gradient of the token has after `terms` readers.
    pub(crate) fn token(terms: usize) -> Result<Tensor> {
        Tensor::new(&[terms as f32], &Device::Cpu)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            lock(&PORTS).remove(id);
        }
    }
}

/// Images channels last.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) frame: Frame,
    pub(crate) values: Buffer,
}

/// The gradient of a result, summed over its readers.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Vec<(ThreadId, Sum)>>);

/// A sum of gradients.
#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) terms: usize,
    pub(crate) values: Buffer,
}

impl Slot {
    /// Takes the sum of the backward pass that runs on this thread.
    pub(crate) fn take(&self) -> Option<Sum> {
        let (mut sums, thread) = (lock(&self.0), thread::current().id());
        let index = sums.iter().position(|(of, _)| *of == thread)?;
        Some(sums.swap_remove(index).1)
    }

    /// Puts it back.
    pub(crate) fn put(&self, sum: Sum) {
        lock(&self.0).push((thread::current().id(), sum));
    }

    /// Adds a term.
    pub(crate) fn add(&self, term: Buffer) {
        let sum = match self.take() {
            None => Sum {
                terms: 1,
                values: term,
            },
            Some(mut sum) => {
                let values = sum.values.par_chunks_mut(PART);
                values.zip(term.par_chunks(PART)).for_each(|(sum, term)| {
                    dispatch(Add {
                        terms: term,
                        to: sum,
                    });
                });
                sum.terms += 1;
                sum
            }
        };
        self.put(sum);
    }

    /// Takes the sum of all readers, whose number is the gradient of the token.
    pub(crate) fn take_all(&self, token: &Tensor) -> Result<Buffer> {
        let terms = token.flatten_all()?.to_vec1::<f32>()?;
        match self.take() {
            Some(sum) if terms == [sum.terms as f32] => Ok(sum.values),
            _ => bail!("an earlier backward pass of this graph was not completed"),
        }
    }
}

/// Values that one task adds.
const PART: usize = 1 << 14;

/// Makes the result `y` of `shape` from the token of its operation.
pub(crate) fn expose(
    y: Vec<f32>,
    shape: Shape,
    frames: Option<Frames>,
    token: &Tensor,
    slot: Arc<Slot>,
) -> Result<Tensor> {
    let port = Arc::new(Port {
        token: token.clone(),
        slot,
        frames,
        id: OnceLock::new(),
    });
    let exposed = Exposed {
        y: Mutex::new(Some(y)),
        shape,
        port: Arc::clone(&port),
    };
    let y = token.apply_op1(exposed)?;
    if y.track_op() {
        port.id.get_or_init(|| y.id());
        lock(&PORTS).insert(y.id(), Arc::downgrade(&port));
    }
    Ok(y)
}

struct Exposed {
    y: Mutex<Option<Vec<f32>>>,
    shape: Shape,
    port: Arc<Port>,
}

impl CustomOp1 for Exposed {
    fn name(&self) -> &'static str {
        "result"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        match lock(&self.y).take() {
            Some(y) => Ok((CpuStorage::F32(y), self.shape.clone())),
            None => bail!("result: applied twice"),
        }
    }

    /// Adds the gradient of readers that do not know ports.
    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let term = with_values("result", [grad], |[grad]| {
            Ok(match &self.port.frames {
                Some(Frames { frame, values }) => {
                    let mut term = Buffer::new(values.len());
                    term.par_chunks_mut(frame.len())
                        .zip(grad.par_chunks(frame.channels * frame.h * frame.w))
                        .for_each(|(frames, grad)| frame.pack(grad, frames));
                    term
                }
                None => Buffer::from(grad),
            })
        })?;
        self.port.slot.add(term);
        Port::token(1).map(Some)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
