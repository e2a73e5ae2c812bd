//! Blocks of convolutions with batch normalization as one operation.

mod affine;
mod backward;
mod config;
mod forward;
mod gradients;
mod moments;
mod op;
mod pair_sums;
mod plan;
mod public;
mod reference;
mod tail;
mod variables;

pub use config::{BlockConv, Residual};
pub use public::{conv_block, conv_block_train};
