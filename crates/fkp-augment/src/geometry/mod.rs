//! The maps that move pixels and keypoints: affine (from `fkp-core`), perspective, distortion.

mod composed;
mod distortion;
mod map;
mod projective;

pub(crate) use composed::ComposedMap;
pub(crate) use distortion::MAX_CELLS;
pub use distortion::{Distortion, DistortionKind};
pub use map::{GeometricMap, GeometricStep};
pub use projective::Projective;
