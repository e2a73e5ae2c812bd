//! Triangle meshes, and which of their triangles each pixel shows.

mod grid;
pub(crate) mod tube;
pub(crate) mod visibility;

pub(crate) use grid::{Edge, Mesh};
pub(crate) use visibility::VisibilityBuffer;
