//! Loading training data: the order of the samples, and batches of them.

mod loader;
mod sampler;

pub(crate) use loader::{Loader, SkippedSample, StepBatches};
pub use sampler::{Sampler, Shuffled, WeightedSources};
