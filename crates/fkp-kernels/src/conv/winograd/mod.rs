//! 3×3 convolution of stride 1 by Winograd's minimal filtering, F(4×4, 3×3).
//!
//! The output is divided into tiles of 4×4 pixels. Each tile reads 6×6 pixels, which are
//! transformed to 36 values, one for each pair of interpolation points ("points" below: a row of
//! pixels is a polynomial that is evaluated at six of them). There the convolution is one product
//! per point and pair of channels instead of 9 per pixel and pair, that is 36 instead of 144
//! multiplications per tile. The backward pass is the adjoint of exactly these operations.
//! Channels are adjacent in memory, so every transform is plain vector arithmetic, and the sum
//! over channels is a small matrix product per point. Matrices are named as in the paper cited in
//! `transform`: `u` are the transformed weights, `v` the transformed input, `m` their products.

mod backward;
mod batched;
mod forward;
mod frames;
mod inference;
mod plan;
mod tiles;
mod transform;
mod weights;

pub(super) use backward::backward;
pub(super) use batched::Batched;
pub(super) use forward::forward;
pub(crate) use frames::FrameWinograd;
pub(crate) use inference::InferenceWinograd;
pub(super) use plan::{applies, input_size, output_frame};
