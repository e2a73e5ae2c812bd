//! Convolutions of one image in the channels-last layout, for operations that keep it from one
//! convolution to the next.

mod depthwise;
mod frame_conv;
mod taps;

pub(crate) use frame_conv::FrameConv;
