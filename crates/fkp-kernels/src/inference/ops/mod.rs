//! The operations on one image.

mod by_channel;
mod conversion;
mod convolution;
mod elementwise;
mod pool;
mod soft_argmax;
mod upsample;

pub(super) use by_channel::{PRelu, Scale};
pub(super) use conversion::{Pack, Pad, Tighten, Unpack};
pub(super) use convolution::{BottleneckOp, ConvOp, ConvTransposeOp, ResidualGrid};
pub(super) use elementwise::Elementwise;
pub(super) use pool::{GlobalMean, Pool};
pub(super) use soft_argmax::MeanPositions;
pub(super) use upsample::{Bilinear, Nearest};
