//! Data augmentation that transforms an image and its keypoints together.
//!
//! The decision behind this crate: a geometric transform is a *map*, and the same object moves the
//! pixels and the keypoints. Consecutive maps are composed first, and the image is resampled once.
//! A map that mirrors the image also exchanges the schema's left and right keypoints. The number
//! and the order of the keypoints never change; what happens to a keypoint is recorded in its
//! visibility.
//!
//! Parameters are sampled before they are applied. A [`Recipe`] lists transforms with ranges of
//! parameters. A [`Pipeline`] is a validated recipe together with a schema. [`Pipeline::sample`]
//! returns a [`Replay`], a record of sampled parameters that can be applied to an image or to
//! keypoints, stored, and inverted.
//!
//! The types of `fkp-core` that a program needs are exported from here too.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod geometry;
mod keys;
mod pipeline;
mod pixels;
mod pixels_only;
mod range;
mod raster;
mod recipe;
mod replay;
mod transforms;

pub use error::AugmentError;
pub use geometry::{Distortion, DistortionKind, GeometricMap, GeometricStep, Projective};
pub use pipeline::Pipeline;
pub use pixels_only::PixelsOnly;
pub use range::Range;
pub use raster::{Raster, RasterImage, RasterMut, RasterView};
pub use recipe::{CustomTransform, Labels, Recipe, Recorder, Transform, ZoomAxes};
pub use replay::{CustomStep, Replay, Step};
pub use transforms::*;

pub use fkp_core::warp::Sampling;
pub use fkp_core::{
    Affine, Augment, Border, BoundingBox, Channel, Filter, Image, ImageError, InputSpec, Keypoint,
    Keypoints, KeypointsError, NoAugment, Purpose, Rng, Sample, SampleError, Schema, SchemaError,
    Visibility, rng_for,
};
