//! Filtering a data set by labels, size, attributes and duplicates.

mod apply;
mod removed;
mod rule;

pub use apply::{Filtered, filter};
pub use removed::RemovedSamples;
pub use rule::{Duplicates, SampleFilter};
