//! How a network's output and the labels relate: a codec per kind of output.

mod boxes;
mod coordinates;
mod coordinates_with_scale;
mod heatmap;
mod interface;
mod labels;
mod select;
mod soft_argmax;
#[cfg(test)]
mod testing;

pub use boxes::Boxes;
pub use coordinates::Coordinates;
pub use coordinates_with_scale::CoordinatesWithScale;
pub use heatmap::Heatmap;
pub use interface::{Codec, Target};
pub use select::keypoint_codec;
pub use soft_argmax::{JensenShannon, SoftArgmax};
