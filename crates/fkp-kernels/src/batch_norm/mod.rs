//! Batch normalization (Ioffe and Szegedy, ICML 2015) with an optional ReLU, and its folding into
//! the convolution before it.

mod fold;
mod normalize;
mod op;
mod statistics;

pub use fold::fold_batch_norm;
pub use normalize::{batch_norm, batch_norm_train};
pub use statistics::{BatchStatistics, NormStatistics};
