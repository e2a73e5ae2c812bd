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
mod file;
mod landmarker;
pub mod layers;
mod network;
mod weights;

pub use card::ModelCard;
pub use error::ModelError;
pub use file::{read_model, write_model};
pub use landmarker::Landmarker;
pub use network::{Cnn, CnnConfig, Network, NetworkConfig, Norm, Padding};
