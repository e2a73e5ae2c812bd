//! Optimizers that update each parameter in one pass, with a state that can be saved.

mod adam;
mod engine;
mod fused;
mod sgd;
mod step;
mod validate;
mod weight_decay;

pub use adam::{Adam, AdamConfig};
pub use sgd::{Momentum, Sgd, SgdConfig};
pub use step::StepOutcome;
pub use weight_decay::WeightDecay;
