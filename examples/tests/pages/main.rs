//! What the pages show works: every command runs, and every block of code is what it says it is.
//!
//! The Rust code of the pages is compiled as doctests: of `src/lib.rs` here, and of the crates.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod commands;
mod inputs;
mod not_run;
mod options;
mod pages;
mod recipes;
mod run;
mod shortened;
mod snippets;
