//! The shared types of `fkp` and the traits between its parts.
//!
//! A landmark system consists of a data set, augmentations, a network, a training loop and metrics.
//! They need the same few definitions: what an image is, what a keypoint is, and in which direction
//! a map between two images goes. This crate contains these definitions and nothing else. It does
//! no I/O and does not depend on a tensor library, so that an augmentation crate can build on it
//! without a network, and a data reader without either.
//!
//! All coordinates follow one convention: **pixel (i, j) has its center at (i, j)**. An image of
//! width *w* spans [−0.5, *w*−0.5]. One [`Affine`] map moves both pixels ([`warp_affine`]) and
//! keypoints ([`Keypoints::transform`]).
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod augment;
mod convention;
mod crop;
mod dataset;
mod detection;
mod error;
mod geometry;
mod image;
mod keypoints;
mod metric;
mod random;
mod sample;
mod schema;
mod task;
pub mod vectors;
pub mod warp;

pub use augment::{Augment, NoAugment};
pub use convention::{ConventionError, LabelConvention, LabelOffsets};
pub use crop::{BoxConvention, BoxJitter, CropError, CropRule, CropSquare, FaceBox};
pub use dataset::{Concat, Dataset, DatasetError, InMemory, Subset};
pub use detection::{Candidates, Detection, Detector, LabeledBox, non_maximum_suppression};
pub use error::fmt_with_causes;
pub use geometry::{Affine, AffineError, BoundingBox};
pub use image::{
    Channel, DecodeError, Image, ImageError, MAX_PIXELS, decode_image, decode_upright,
};
pub use keypoints::{Keypoint, Keypoints, KeypointsError, Visibility};
pub use metric::{Direction, Metric};
pub use random::{Purpose, fnv1a, rng_for};
pub use sample::{Sample, SampleError};
pub use schema::{
    NormalizingPair, Schema, SchemaError, SchemaMap, SchemaMapError, SchemaProblem, SchemaSpec,
    flip_pairs_from_names,
};
pub use task::{
    Calibration, CoordinateFrame, InputSpec, Likelihood, ModelDescription, OutputError, OutputSpec,
    Prediction, Task,
};
#[doc(inline)]
pub use warp::{Border, Filter, warp_affine};

/// The trait of the random generators that functions of this workspace take.
pub use rand::Rng;
