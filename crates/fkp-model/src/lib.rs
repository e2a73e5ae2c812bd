//! Keypoint networks on candle, the model file, and prediction from a picture.
//!
//! A model file says everything that is needed to use it: the weights, the network's sizes, the
//! keypoint schema, the crop rule and the input normalisation. So an application names a file
//! and nothing else, and can hardly feed a network the wrong thing.
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
    BoundingBox, BoxConvention, CropRule, CropSquare, FaceBox, Image, InputSpec, Keypoint,
    Keypoints, Likelihood, OutputSpec, Schema, Task,
};
