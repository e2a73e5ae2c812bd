//! Convolution by im2col and matrix products, image by image: for every kernel and stride.

mod backward;
mod forward;
mod unroll;

pub(super) use backward::backward;
pub(super) use forward::forward;
pub(crate) use unroll::{col2im, im2col};
