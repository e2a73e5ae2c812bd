//! Matrix products: the `gemm` crate, a microkernel for operands that are packed already, its
//! variants for overlapping windows, and the products of a dense layer.

mod dense;
mod gemm;
mod microkernel;
mod taps;
mod tile;

pub(crate) use dense::{DenseSizes, WeightGradient, forward, input_gradient};
pub(crate) use gemm::{Matrix, Write, matmul};
pub(crate) use microkernel::Product;
pub(crate) use taps::{TapGradient, TapProduct};
