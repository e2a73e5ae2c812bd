//! Facial keypoints from an image, with weights that ship with the crate; the networks, their layers
//! and the model file.
//!
//! A model file says everything that is needed to use it: the weights, the network's sizes, the
//! keypoint schema, the crop rule, the input and what the output means. So an application names a
//! model and nothing else, and can hardly feed a network the wrong thing.
//!
//! Networks take any `candle_nn::VarBuilder` and implement candle's `ModuleT`; who creates the
//! variables, seeds them or trains them is not this crate's business.
//!
#![doc = include_str!("../README.md")]

mod card;
mod error;
mod face;
mod file;
mod landmarker;
pub mod layers;
mod network;
mod weights;

pub use card::ModelCard;
pub use error::ModelError;
pub use face::{Face, FaceKeypoint};
pub use file::{Precision, read_model};
pub use landmarker::Landmarker;
pub use network::{Cnn, CnnConfig, Network, NetworkConfig, Norm, Padding};

// What users of this crate need of the vocabulary, so that they depend on this crate alone.
pub use fkp_core::{
    BoundingBox, BoxConvention, CropRule, CropSquare, DecodeError, FaceBox, Image, InputSpec,
    Keypoint, Keypoints, Likelihood, OutputSpec, Schema, Task, decode_image,
};
