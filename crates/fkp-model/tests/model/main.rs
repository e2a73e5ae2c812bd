//! The public layers, used as from another crate.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batch_norm;
mod dropout;
mod residual_network;
