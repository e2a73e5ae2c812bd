//! Matrix products: the `gemm` crate, a microkernel for operands that are packed already or
//! overlapping windows, the gradient of the latter, and the products of a dense layer.

mod dense;
mod epilogue;
mod gemm;
mod microkernel;
mod pixels;
mod taps;
mod tile;

pub(crate) use dense::{DenseSizes, WeightGradient, forward, input_gradient};
pub(crate) use epilogue::{Addition, Epilogue, Operand, Position};
pub(crate) use gemm::{Matrix, Write, matmul};
pub(crate) use microkernel::{Product, Strided};
pub(crate) use pixels::{PANEL, PixelOperands, PixelProduct, Runs, pack_panels};
pub(crate) use taps::TapGradient;
