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

mod averaging;
mod checkpoint;
mod codec;
mod communicator;
mod config;
mod error;
mod evaluate;
mod fit;
mod history;
mod identity;
mod loader;
mod lock;
mod loss;
mod losses;
mod lr_finder;
mod observer;
pub mod observers;
mod optimizer;
mod params;
mod plan;
#[cfg(feature = "plots")]
pub mod plots;
mod progress;
mod replace;
mod run;
mod sampler;
mod schedule;
mod trainer;

pub use averaging::Averaging;
pub use checkpoint::Checkpoints;
pub use codec::{
    Codec, Coordinates, CoordinatesWithScale, Heatmap, JensenShannon, SoftArgmax, Target,
    keypoint_codec,
};
pub use communicator::{Communicator, SingleProcess};
pub use config::{DataLimit, EarlyStopping, Restore, TrainConfig, Unreadable};
pub use error::TrainError;
pub use evaluate::{Evaluator, MetricFactory, Scored};
pub use fit::{Outcome, Stopped};
pub use history::EpochRecord;
pub use identity::Difference;
pub use loss::{Loss, Unit};
pub use lr_finder::{LearningRateCurve, LearningRateFinder, LearningRatePoint};
pub use observer::{
    EpochReport, Observer, Observers, Skipped, StartReport, StepReport, ValidationReport,
};
pub use optimizer::{DecayExempt, Optimizer, OptimizerConfig};
pub use params::{ForwardPass, Params};
pub use progress::{Best, Progress};
pub use replace::write_file;
pub use sampler::{Sampler, Shuffled, WeightedSources};
pub use schedule::{PlateauState, Position, Schedule};
pub use trainer::{Trainer, codec_for};
