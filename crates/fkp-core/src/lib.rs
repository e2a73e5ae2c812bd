//! The vocabulary of `fkp` and the small traits that are its seams.
//!
//! A landmark system is a handful of parts — a data set, an augmentation, a network, a training
//! loop, a metric — that agree on very little: what an image is, what a keypoint is, and which
//! way round a map between two frames goes. This crate is that agreement and nothing else. It
//! does no I/O and knows no tensor library, so an augmentation crate can build on it without
//! pulling in a network, and a data reader without pulling in either.
//!
//! One convention runs through everything: **pixel (i, j) has its center at (i, j)**. An image of
//! width *w* spans [−0.5, *w*−0.5]. The [`Affine`] map is the one object that moves pixels
//! ([`warp_affine`]) and keypoints ([`Keypoints::transform`]) alike.
//!
#![doc = include_str!("../README.md")]

mod affine;
mod augment;
mod boxes;
mod channel;
mod crop;
mod dataset;
mod decode;
mod error;
mod frame;
mod image;
mod input;
mod keypoints;
mod metric;
mod output;
mod planes;
mod prediction;
mod random;
mod sample;
mod schema;
mod schema_map;
mod task;
pub mod vectors;
pub mod warp;

pub use affine::{Affine, AffineError};
pub use augment::{Augment, NoAugment};
pub use boxes::{BoundingBox, BoxConvention, FaceBox};
pub use channel::Channel;
pub use crop::{BoxJitter, CropError, CropRule, CropSquare};
pub use dataset::{Concat, Dataset, DatasetError, InMemory, Subset};
pub use decode::{DecodeError, MAX_PIXELS, decode_image};
pub use error::fmt_with_causes;
pub use frame::CoordinateFrame;
pub use image::{Image, ImageError};
pub use input::InputSpec;
pub use keypoints::{Keypoint, Keypoints, KeypointsError, Visibility};
pub use metric::{Direction, Metric};
pub use output::{Likelihood, OutputError, OutputSpec};
pub use prediction::Prediction;
pub use random::{Purpose, fnv1a, rng_for};
pub use sample::{Sample, SampleError};
pub use schema::{
    NormalizingPair, NormalizingPairSpec, Schema, SchemaError, SchemaSpec, flip_pairs_from_names,
};
pub use schema_map::{SchemaMap, SchemaMapError};
pub use task::{ModelDescription, Task};
#[doc(inline)]
pub use warp::{Border, Filter, warp_affine};

/// The generator trait that every random function of the workspace takes.
pub use rand::Rng;
