//! Faces rendered from parameters, with exact labels.
//!
//! Real annotated faces cannot be shipped with a crate, and their labels are guesses of annotators
//! who disagree by a pixel or two. A drawn face has neither problem: it is a pure function of a
//! seed, costs about a millisecond, and its labels are the very numbers it was drawn from. It is
//! the data that runs when no data is at hand, and the ground truth for tests of everything that
//! moves keypoints.
//!
//! The seam for a better renderer is [`FaceParams`]: who is shown is drawn from a generator in
//! one place, and [`render`] turns it into pixels and keypoints in another.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod backdrop;
mod camera;
mod config;
mod dataset;
mod draw;
mod features;
mod glasses;
mod grain;
mod hair;
mod head;
mod landmarks;
mod math;
mod params;
mod pose;
mod relief;
mod render;
mod sample;
mod shade;

pub use config::{SynthConfig, SynthError, Variation};
pub use dataset::SynthFaces;
pub use params::{
    Backdrop, Beard, Brow, Camera, Eye, FaceParams, Glasses, Hair, Head, Light, Mouth, Nose, Patch,
    Pose, Skin, Texture,
};
pub use render::render;
