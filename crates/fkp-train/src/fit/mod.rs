//! Training a network: the trainer, the loop with its steps and validation, the evaluator.

mod evaluator;
mod history;
mod learning_rate_finder;
mod outcome;
mod pending_losses;
mod plan;
mod progress;
mod run;
mod start;
mod step;
mod trainer;
mod training_loop;
mod validation;

pub use evaluator::{Evaluator, MetricFactory, ScoredSample};
pub use history::{EpochRecord, SourceLoss};
pub use learning_rate_finder::{LearningRateCurve, LearningRateFinder, LearningRatePoint};
pub use outcome::{StopReason, TrainOutcome};
pub use progress::{BestScore, LossSum, Progress};
pub use trainer::{Trainer, codec_for};
