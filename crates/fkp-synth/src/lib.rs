//! Faces rendered from parameters, with exact labels.
//!
//! Real annotated faces cannot be distributed with a crate, and annotators differ by a pixel or
//! two. A rendered face is a function of a seed, takes about a millisecond, and its labels are the
//! parameters it is rendered from. Rendered faces are the default training data, and the ground
//! truth for tests of everything that moves keypoints.
//!
//! A [`FaceParams`] is sampled from a [`FaceDistribution`], and [`render`](render()) turns it into
//! pixels and keypoints.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accessories;
pub mod background;
pub mod camera;
mod color;
mod config;
mod dataset;
mod detection;
pub mod distribution;
mod distributions;
mod epochs;
mod error;
mod landmarks;
mod layer;
mod light;
mod math;
mod mesh;
mod noise;
mod non_face;
mod paint;
pub mod params;
mod pose;
mod ranges;
mod raster;
mod render;
mod scene;
mod shadow;
mod shape;
mod texture;
mod worn;

pub use config::{KeypointSet, SynthConfig};
pub use dataset::SynthFaces;
pub use detection::{HeadCounts, SceneConfig, SynthScenes};
pub use distribution::FaceDistribution;
pub use error::SynthError;
pub use params::FaceParams;
pub use ranges::Chance;
pub use render::render;
pub use texture::Texture;
