//! Tests of the training loop by its public interface.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod buffers;
mod common;
mod epochs;
mod faults;
mod fit;
mod options;
mod parallel;
mod resume;
mod sources;
