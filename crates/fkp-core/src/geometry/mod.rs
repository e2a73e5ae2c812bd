//! Geometry in pixels: affine maps and boxes.

mod affine;
mod bounding_box;

pub use affine::{Affine, AffineError};
pub use bounding_box::BoundingBox;
