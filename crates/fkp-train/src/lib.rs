//! A training loop for keypoint networks on candle.
//!
//! The loop takes any candle `ModuleT` as a network, any [`fkp_core::Dataset`] as data, any
//! [`fkp_core::Augment`] as augmentation, and a [`Codec`] for the meaning of the network's output.
//! It does not depend on the crates that implement these. Training is reproducible: every random
//! number is a function of (seed, epoch, sample), so two runs give bit-identical weights whatever
//! the number of threads, and so does a run that was stopped and resumed.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod checkpoint;
mod codec;
mod config;
mod data;
mod error;
mod fit;
#[cfg(test)]
mod golden;
pub mod loss;
mod observer;
pub mod observers;
mod optim;
mod parallel;
#[cfg(feature = "plots")]
pub mod plots;

pub use checkpoint::{RunDifference, write_atomic};
pub use codec::{
    Boxes, Codec, Coordinates, CoordinatesWithScale, Heatmap, JensenShannon, SoftArgmax, Target,
    keypoint_codec,
};
pub use config::{DataLimit, EarlyStopping, OnUnreadable, RestoreWeights, TrainConfig};
pub use data::{Sampler, Shuffled, TrainingSource, WeightedSources};
pub use error::TrainError;
pub use fit::{
    BestScore, EpochRecord, Evaluator, LearningRateCurve, LearningRateFinder, LearningRatePoint,
    LossSum, MetricFactory, Progress, ScoredSample, SourceLoss, StopReason, TrainOutcome, Trainer,
    codec_for,
};
pub use loss::{Loss, LossUnit};
pub use observer::{
    EpochReport, Observer, Observers, SkipReport, StartReport, StepReport, ValidationReport,
};
pub use optim::schedule::{self, PlateauState, Schedule, SchedulePosition};
pub use optim::{Averaging, DecayExempt, ForwardPass, Optimizer, OptimizerConfig, Params};
pub use parallel::{Communicator, SingleProcess};
