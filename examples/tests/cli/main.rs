//! Tests of the example programs as processes: files, messages, interruption, resuming.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod convert;
mod detection;
mod inspect;
mod networks;
mod onnx;
mod outputs;
mod resume;
mod runs;
mod sources;
mod support;
