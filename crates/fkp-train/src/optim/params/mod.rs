//! The variables of a network: weights with seeded initial values, and buffers.

mod buffers;
mod init;
mod role;
mod variables;

pub use buffers::ForwardPass;
pub use variables::Params;
