//! The kernels against candle's own operations, finite differences, PyTorch and themselves.

mod against_candle;
mod support;
