//! The maps that move pixels and points: affine (from `fkp-core`), perspective, bent.

mod bend;
mod motion;
mod projective;

use bend::BendTable;
pub(crate) use bend::MAX_CELLS;
pub use bend::{Bend, BendKind};
pub(crate) use motion::Motion;
pub use projective::Projective;
