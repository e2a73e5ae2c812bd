//! Blocks of convolutions with batch normalization as one operation.

mod config;
mod public;
mod reference;

pub use config::{BlockConv, Channels, Residual};
pub use public::{conv_block, conv_block_train};
