//! The graph of a network: which operations it computes from which values.
//!
//! A graph is recorded while the network runs once, as by `torch.jit.trace`. It is the input of
//! everything that needs to know the network and not only its output: the ONNX writer
//! (`fkp_model::onnx`), and optimizations for inference.
//!
//! To add an operation: a variant of `Op` with its name and the shape of its output (`op.rs`), and a
//! function in `layers/functions.rs`, or a layer, that records it. The compiler then names each
//! `match` that lacks the variant.

mod definition;
mod fold;
mod op;
mod recorder;
mod trace;

pub use definition::Graph;
pub(crate) use definition::ValueId;
pub(crate) use op::Op;
pub(crate) use recorder::{Recorder, record, record_sequence};

#[cfg(test)]
mod tests;
