//! From a path, or rendered faces, to the crops that a network is trained and evaluated on.

mod digest;
mod evaluation;
mod part;
mod rendered;
mod source;
mod training;

pub use digest::digest;
pub use evaluation::open_for_evaluation;
pub use part::Part;
pub use source::{Source, TrainingData, format_help};
pub use training::open_for_training;
