//! Tests of the public interface.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod composition;
mod custom;
mod geometry;
mod golden;
mod mismatches;
mod photometric;
mod recipe;
mod support;
mod types;
mod warp;
