//! Data-parallel training: the interface for communication, and the sums of gradients over the ranks.

mod communicator;
mod outbox;
mod plan;
mod reducer;

pub use communicator::{Communicator, SingleProcess};
pub(crate) use communicator::{share, sum_over_ranks};
pub(crate) use reducer::{GradientReducer, accumulate};
