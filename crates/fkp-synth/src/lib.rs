//! Faces rendered from parameters, with exact labels.
//!
//! Real annotated faces cannot be distributed with a crate, and annotators differ by a pixel or
//! two. A rendered face is a function of a seed, takes about a millisecond, and its labels are the
//! parameters it is rendered from. Rendered faces are the default training data, and the ground
//! truth for tests of everything that moves keypoints.
//!
//! [`FaceParams`] separates the two steps: it is sampled from a random generator, and [`render`]
//! turns it into pixels and keypoints.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod background;
mod body;
mod bumps;
mod camera;
mod config;
mod dataset;
mod distributions;
mod features;
mod glasses;
mod hair;
mod head;
mod landmarks;
mod math;
mod noise;
mod params;
mod pose;
mod render;
mod sampling;
mod shading;

pub use config::{SynthConfig, SynthError, Variation};
pub use dataset::SynthFaces;
pub use params::{
    Background, Beard, Brow, Camera, Eye, FaceParams, Glasses, Hair, Head, Light, Mouth, Nose,
    Patch, Pose, Skin, Texture,
};
pub use render::render;
