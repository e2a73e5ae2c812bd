//! Optimization: variables, optimizer, learning-rate schedule and weight averaging.

mod averaging;
mod optimizer;
mod optimizer_config;
mod params;
pub mod schedule;

pub(crate) use averaging::Average;
pub use averaging::Averaging;
pub use optimizer::Optimizer;
pub use optimizer_config::{DecayExempt, OptimizerConfig};
pub use params::{ForwardPass, Params};
