//! How blocks pass their results and gradients to each other: channels last, and without candle's
//! sums of gradients.
//!
//! candle adds the gradient of every operand to a tensor of zeros. In its graph a block therefore
//! yields a single value, the token, and another operation makes the result from the token. Whoever
//! reads the result gets an ordinary tensor. A block that reads it finds its [`Port`], takes the
//! images channels last from there, and the token as its operand in the graph. Its gradient goes
//! to the [`Slot`] of the other block, which candle calls when all readers are done.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};

use candle_core::{
    CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, TensorId, bail,
};
use rayon::prelude::*;

use crate::host::with_values;
use crate::layout::{Add, Frame};
use crate::recycle::Buffer;
use crate::simd::dispatch;

/// The ports of all results that exist.
static PORTS: LazyLock<Mutex<HashMap<TensorId, Weak<Port>>>> = LazyLock::new(Mutex::default);

/// The result of a block, for other blocks.
#[derive(Debug)]
pub(super) struct Port {
    /// The block in candle's graph.
    pub(super) token: Tensor,
    pub(super) slot: Arc<Slot>,
    /// The images, a frame without margin each.
    pub(super) frames: Buffer,
    /// The tensor of the result.
    id: OnceLock<TensorId>,
}

impl Port {
    /// The port of a tensor, if it is the result of a block.
    pub(super) fn of(tensor: &Tensor) -> Option<Arc<Self>> {
        lock(&PORTS).get(&tensor.id()).and_then(Weak::upgrade)
    }

    /// The value that a gradient of the token has after `terms` readers.
    pub(super) fn token(terms: usize) -> Result<Tensor> {
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

/// The gradient of a block's result, summed over its readers.
#[derive(Debug, Default)]
pub(super) struct Slot(Mutex<Vec<(ThreadId, Sum)>>);

/// A sum of gradients, channels last.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) terms: usize,
    pub(super) values: Buffer,
}

impl Slot {
    /// Takes the sum of the backward pass that runs on this thread.
    pub(super) fn take(&self) -> Option<Sum> {
        let (mut sums, thread) = (lock(&self.0), thread::current().id());
        let index = sums.iter().position(|(of, _)| *of == thread)?;
        Some(sums.swap_remove(index).1)
    }

    /// Puts it back.
    pub(super) fn put(&self, sum: Sum) {
        lock(&self.0).push((thread::current().id(), sum));
    }

    /// Adds a term.
    pub(super) fn add(&self, term: Buffer) {
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
    pub(super) fn take_all(&self, token: &Tensor) -> Result<Buffer> {
        let terms = token.flatten_all()?.to_vec1::<f32>()?;
        match self.take() {
            Some(sum) if terms == [sum.terms as f32] => Ok(sum.values),
            _ => bail!("conv_block: an earlier backward pass of this graph was not completed"),
        }
    }
}

/// Values that one task adds.
const PART: usize = 1 << 14;

/// Makes the result `y` of `shape`, whose images are also in `frames`, from the token of its block.
pub(super) fn expose(
    y: Vec<f32>,
    shape: Shape,
    frame: Frame,
    frames: Buffer,
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
        frame,
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
    frame: Frame,
    port: Arc<Port>,
}

impl CustomOp1 for Exposed {
    fn name(&self) -> &'static str {
        "conv_block_result"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        match lock(&self.y).take() {
            Some(y) => Ok((CpuStorage::F32(y), self.shape.clone())),
            None => bail!("conv_block: applied twice"),
        }
    }

    /// Adds a gradient in planes.
    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let frame = self.frame;
        let mut frames = Buffer::new(self.port.frames.len());
        with_values("conv_block", [grad], |[grad]| {
            frames
                .par_chunks_mut(frame.len())
                .zip(grad.par_chunks(frame.channels * frame.h * frame.w))
                .for_each(|(frames, grad)| frame.pack(grad, frames));
            Ok(())
        })?;
        self.port.slot.add(frames);
        Port::token(1).map(Some)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
