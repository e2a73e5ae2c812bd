//! The files of a run: models, the training state, and the lock of the folder.

mod atomic_file;
mod difference;
mod identity;
mod lock;
mod state;
mod write_queue;
mod writer;

pub use atomic_file::write_atomic;
pub use difference::RunDifference;
pub(crate) use identity::Identity;
pub(crate) use state::{Changes, Checkpoints};
pub(crate) use writer::CheckpointWriter;
