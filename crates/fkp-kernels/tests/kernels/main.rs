//! The kernels against candle's own operations, finite differences, PyTorch and themselves.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod against_candle;
mod against_pytorch;
mod determinism;
mod finite_differences;
mod normalization;
mod support;
