//! Element-wise activations, alone and fused into another operation.

mod definition;
mod op;
mod scalar;
mod vector;

pub use definition::Activation;
pub(crate) use op::BLOCK;
pub use op::{activate, gelu, relu, silu};
