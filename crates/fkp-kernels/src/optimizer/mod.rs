//! Optimizers that update each parameter in one pass, with a state that can be saved.

mod adam;
mod average;
mod engine;
mod fused;
mod in_place;
mod sgd;
mod step;
mod validate;
mod weight_decay;

pub use adam::{Adam, AdamConfig};
pub use average::average_into;
pub use engine::FusedOptimizer;
pub use sgd::{Momentum, Sgd, SgdConfig};
pub use step::StepOutcome;
pub use weight_decay::WeightDecay;
