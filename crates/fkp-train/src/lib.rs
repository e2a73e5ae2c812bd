//! A training loop for keypoint networks on candle.
//!
//! The loop knows a network as candle's `ModuleT`, data as [`fkp_core::Dataset`], variation as
//! [`fkp_core::Augment`], and what the network's output means as a [`Codec`]. It knows none of
//! the crates that implement these. What it promises is repeatability: every random number is a
//! function of (seed, epoch, sample), so two runs give the same weights to the bit whatever the
//! number of threads, and a run that was stopped and resumed gives the weights of one that was
//! not.
//!
#![doc = include_str!("../README.md")]

mod checkpoint;
mod codec;
mod config;
mod error;
mod evaluate;
mod fit;
mod history;
mod loader;
mod observer;
pub mod observers;
mod params;
#[cfg(feature = "plots")]
pub mod plots;
mod replace;

pub use checkpoint::{Best, Checkpoints, Progress};
pub use codec::{Codec, Coordinates, Target};
pub use config::{Loss, OptimizerConfig, TrainConfig};
pub use error::TrainError;
pub use evaluate::{Evaluator, Scored};
pub use fit::{Fit, Outcome, Stopped};
pub use history::EpochRecord;
pub use observer::{
    EpochReport, Observer, Observers, Skipped, StartReport, StepReport, ValidationReport,
};
pub use params::Params;
