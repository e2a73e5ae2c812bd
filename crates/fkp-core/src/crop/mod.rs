//! From an image with faces to the square crop that a network sees.

mod error;
mod face_box;
mod jitter;
mod rule;
mod sample;
mod square;

pub use error::CropError;
pub use face_box::{BoxConvention, FaceBox};
pub use jitter::BoxJitter;
pub use rule::CropRule;
pub use square::CropSquare;

#[cfg(test)]
mod tests;
