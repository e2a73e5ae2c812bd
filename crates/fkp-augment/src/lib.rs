//! Augmentation that moves an image and its keypoints together.
//!
//! The one decision behind this crate: a geometric step is a *map*, and that same object moves
//! the pixels and the keypoints. Steps in a row are composed first and the image is resampled
//! once. A map that mirrors also exchanges the schema's left and right keypoints. Nothing here ever
//! changes the number or the order of the keypoints; what happens to a keypoint is said by its
//! visibility.
//!
//! Parameters are sampled before anything is done: a [`Recipe`] says what may happen, a [`Pipeline`]
//! is a recipe checked and bound to a schema, and [`Pipeline::sample`] gives a [`Replay`], a plain
//! record of parameters that can be applied to this image, to another, or to keypoints alone, and
//! can be undone.
//!
//! What a program needs of `fkp-core` is exported from here too.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod error;
mod field;
mod geometry;
mod pipeline;
mod pixels;
mod pixels_only;
mod range;
mod raster;
mod raster_image;
mod recipe;
mod replay;
mod step;
mod transform;

pub use error::AugmentError;
pub use geometry::{Distortion, DistortionKind, Projective};
pub use pipeline::Pipeline;
pub use pixels_only::PixelsOnly;
pub use range::Range;
pub use raster::{Raster, RasterView};
pub use raster_image::RasterImage;
pub use recipe::{Recipe, ZoomAxes};
pub use replay::Replay;
pub use step::{Fill, Step};
pub use transform::{AffineRange, Subject, Transform};

pub use fkp_core::warp::Sampling;
pub use fkp_core::{
    Affine, Augment, Border, BoundingBox, Channel, Filter, Image, ImageError, InputSpec, Keypoint,
    Keypoints, KeypointsError, NoAugment, Purpose, Rng, Sample, SampleError, Schema, SchemaError,
    Visibility, rng_for,
};
