//! The parts together, as the programs use them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod common;
mod crops;
mod detectors;
mod new_faces;
mod outside;
mod pipeline;
mod pretrained;
mod real_data;
mod sources;
mod tracking;
