//! Loading training data: the order of the samples, and batches of them.

mod loader;
mod sampler;
mod source;

pub(crate) use loader::{Batch, BusyTime, Loader, SampleUse, SkippedSample, StepBatches};
pub use sampler::{Sampler, Shuffled, WeightedSources};
pub(crate) use source::Sources;
pub use source::TrainingSource;
