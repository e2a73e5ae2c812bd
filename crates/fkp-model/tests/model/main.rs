//! The public layers as a user of the crate meets them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batch_norm;
mod dropout;
