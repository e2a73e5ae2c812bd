//! The shape of the head: where each point of the face is, and the meshes that are drawn.

pub(crate) mod ear;
pub(crate) mod features;
pub(crate) mod hair;
mod relief;
pub(crate) mod rings;
pub(crate) mod surface;

pub(crate) use features::Features;
pub(crate) use surface::{Detail, Surface};
