//! The maps that move pixels and points: affine (from `fkp-core`), perspective, bent.

mod distortion;
mod motion;
mod projective;

use distortion::DistortionTable;
pub(crate) use distortion::MAX_CELLS;
pub use distortion::{Distortion, DistortionKind};
pub(crate) use motion::Motion;
pub use projective::Projective;
