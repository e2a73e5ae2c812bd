//! What a user of the crate relies on, from outside.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod composition;
mod geometry;
mod golden;
mod misfits;
mod photometric;
mod recipe;
mod support;
mod types;
mod warp;
