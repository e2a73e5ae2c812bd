//! Fast CPU kernels as candle custom ops with backward, and fused optimizers.
//!
//! On the CPU candle computes the gradients of a convolution through a transposed convolution and
//! an optimizer step through a dozen temporary tensors, which makes training about an order of
//! magnitude slower than necessary. This crate replaces these operations. Every function takes and
//! returns ordinary tensors and is differentiable by `Tensor::backward`. On any device other than
//! the CPU, and for any element type other than `f32`, the same functions call candle's own
//! operations, so that a network is written once.
//!
//! Results do not depend on the number of threads: work is divided by image, plane or fixed block,
//! and sums over the batch are computed in a fixed order.
//!
//! This is the only crate of the workspace that contains `unsafe` code.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use fkp_kernels::{Conv2dConfig, conv2d};
//!
//! let x = Tensor::ones((1, 1, 4, 4), candle_core::DType::F32, &Device::Cpu)?;
//! let w = Tensor::ones((1, 1, 3, 3), candle_core::DType::F32, &Device::Cpu)?;
//! let y = conv2d(&x, &w, None, Conv2dConfig::new().padding(1).relu().max_pool2())?;
//! assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [9., 9., 9., 9.]);
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod activation;
mod aligned;
mod batch_norm;
mod block;
mod conv;
mod conv_transpose;
mod dropout;
mod duplicate;
mod frame_pool;
mod global_pool;
mod gradients;
mod host;
pub mod inference;
mod interleave;
mod layout;
mod linear;
mod matmul;
mod optimizer;
mod pool;
mod port;
mod prelu;
mod recycle;
mod scale_channels;
mod scratch;
mod simd;
mod soft_argmax;
mod sums;
mod token;
mod upsample;
mod weighted_op;
mod written;

pub use activation::{Activation, activate, gelu, relu, silu};
pub use batch_norm::{
    BatchStatistics, NormStatistics, batch_norm, batch_norm_train, fold_batch_norm,
};
pub use block::{BlockConv, Residual, conv_block, conv_block_train};
pub use conv::{Channels, Conv2dConfig, Pooling, conv2d, depthwise_conv2d};
pub use conv_transpose::{ConvTranspose2dConfig, conv_transpose2d};
pub use dropout::{DROPOUT_SEED, dropout};
pub use duplicate::duplicate;
pub use global_pool::global_avg_pool2d;
pub use gradients::{Factors, GradientHook, GradientPart, Gradients, backward, backward_with_hook};
pub use linear::linear;
pub use optimizer::{
    Adam, AdamConfig, FusedOptimizer, Momentum, Sgd, SgdConfig, StepOutcome, WeightDecay,
    average_into,
};
pub use pool::{avg_pool2d, max_pool2d};
pub use prelu::prelu;
pub use scale_channels::scale_channels;
pub use soft_argmax::soft_argmax2d;
pub use upsample::{upsample_bilinear2d, upsample_nearest2d};
