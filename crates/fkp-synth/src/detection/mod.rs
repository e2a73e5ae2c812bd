//! Scenes with many heads and objects, for training a face detector.
//!
//! A scene is a [`Background`](crate::background::Background) with heads, bodies and objects that are
//! not faces, composed from the nearest to the farthest, and developed by one camera. A head is
//! rendered by the same code as that of [`render`](crate::render()).

mod body;
mod composition;
mod config;
mod dataset;
mod decoy;
mod layout;
mod person;

pub use config::{HeadCounts, SceneConfig};
pub use dataset::SynthScenes;
