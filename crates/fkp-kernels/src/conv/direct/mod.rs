//! Direct convolution of few input channels: the first layer of a network on gray or color
//! images.
//!
//! The im2col matrix of one channel is nine times the image and its product has an inner
//! dimension of nine, so that most of the time goes into memory traffic. Here each pixel is
//! broadcast from the padded image and multiplied with a vector of output channels, one output
//! row at a time, so that bias, activation and pooling read their input from the first-level
//! cache.

mod backward;
mod forward;
mod plan;

pub(super) use backward::{argmax_in_planes, parameter_gradients};
pub(super) use forward::forward;
pub(super) use plan::{applies, output_frame};
