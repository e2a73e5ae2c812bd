//! Convolutions in inference: the weights are packed once, and bias, residual, activation and pooling
//! are applied to the values in registers. Input and output are frames of any margin, read and written
//! in place.

mod bottleneck;
mod buffers;
mod conv;
mod depthwise;
mod finish;
mod input;
mod parts;
mod taps;

pub(crate) use bottleneck::{Bottleneck, ConvWeights};
pub(crate) use buffers::Buffers;
pub(crate) use conv::{InferenceConv, Layouts, is_fused};
pub(crate) use input::{InputLayout, Reads};
