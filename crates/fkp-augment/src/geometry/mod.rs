//! The maps that move pixels and points: affine (from `fkp-core`), perspective, bent.

mod bend;
mod motion;
mod projective;

pub use bend::{Bend, BendKind};
pub(crate) use bend::{BendTable, MAX_CELLS};
pub(crate) use motion::{Link, Motion};
pub use projective::Projective;
