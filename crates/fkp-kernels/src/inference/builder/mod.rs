//! The operations that a plan can have: those with weights in `layers`, the others in `functions`.

mod functions;
mod layers;
mod nodes;

pub use layers::{ConvLayer, ConvTransposeLayer, LinearLayer};
pub use nodes::PlanBuilder;
