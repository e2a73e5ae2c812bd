//! Two-dimensional convolution with a fused bias, activation and max-pooling.
//!
//! [`conv2d`] is the candle operation. `algorithm` picks one of three implementations, `winograd`,
//! `direct` and `im2col`; they share the loops over a batch (`batch`), the buffers that the passes
//! read and return (`buffers`), and the fused operations (`epilogue`).

mod algorithm;
mod batch;
mod buffers;
mod channels;
mod channels_last;
mod config;
mod conv2d;
mod depthwise;
mod direct;
mod epilogue;
mod frame_buffers;
mod geometry;
mod im2col;
mod inference;
mod winograd;

pub(crate) use batch::{GroupImage, sum_over_groups};
pub use channels::Channels;
pub(crate) use channels_last::FrameConv;
pub use config::{Conv2dConfig, Pooling};
pub use conv2d::conv2d;
pub use depthwise::depthwise_conv2d;
pub(crate) use epilogue::{max_and_argmax, route};
pub(crate) use frame_buffers::{BackwardPass, ForwardPass, InputFrames, Source};
pub(crate) use geometry::Geometry;
pub(crate) use im2col::{col2im, im2col};
pub(crate) use inference::{
    Bottleneck, ConvWeights, InferenceConv, InputLayout, Layouts, Reads, is_fused,
};
