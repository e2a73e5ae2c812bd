//! Prediction without candle: a graph compiled to a plan of `fkp_kernels::inference`.
//!
//! `fuse` finds the operations that a convolution or dense layer computes together with its own,
//! and `compile` writes the plan. To support an operation, add its variant to the `match` of both.

mod compile;
mod fuse;
mod plan;

pub use plan::InferencePlan;

#[cfg(test)]
mod tests;
