//! Transposed two-dimensional convolution: the input gradient of a convolution as an operation of
//! its own, for networks that enlarge their feature maps.

mod config;
mod geometry;
mod inference;
mod op;
mod subpixel;

pub use config::ConvTranspose2dConfig;
pub(crate) use geometry::TransposedGeometry;
pub(crate) use inference::{ConvPhases, InferenceConvTranspose};
pub use op::conv_transpose2d;
