//! The kernels against candle's own operations, finite differences and PyTorch, and with different
//! numbers of threads.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod against_candle;
mod against_pytorch;
mod blocks;
mod determinism;
mod feature_maps;
mod finite_differences;
mod inference;
mod normalization;
mod support;
