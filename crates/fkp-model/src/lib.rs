//! Facial keypoints from an image, with weights that are included in the crate; the networks, their
//! layers and the model file.
//!
//! A model file contains everything that is needed to use it: the weights, the network's sizes, the
//! keypoint schema, the crop rule, the input and the meaning of the output. An application chooses
//! a model and nothing else, so that the network's input is always computed as in training.
//!
//! Networks take any `candle_nn::VarBuilder` and implement candle's `ModuleT`. Creating, seeding
//! and training the variables is left to the user of the crate, such as `fkp-train`.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod detector;
mod error;
mod face;
mod file;
mod graph;
mod inference;
mod landmarker;
pub mod layers;
mod network;
#[cfg(feature = "onnx")]
pub mod onnx;
mod pose;
mod pretrained;
mod tracker;

pub use detector::{DetectorOptions, FaceDetector};
pub use error::ModelError;
pub use face::{Face, FaceKeypoint};
pub use file::{ModelCard, ModelFile, Precision};
pub use graph::Graph;
pub use inference::InferencePlan;
pub use landmarker::{DetectOptions, Landmarker, Refine};
pub use network::{
    Cnn, CnnConfig, Mobile, MobileConfig, Network, NetworkConfig, Norm, Padding, Pyramid,
    PyramidConfig, ResidualConfig, ResidualNetwork,
};
pub use pose::HeadPose;
pub use pretrained::{Pretrained, PretrainedDetector};
pub use tracker::{OneEuro, TrackedFace, Tracker, TrackerOptions};

// The types of `fkp-core` that applications need, so that they can depend on this crate only.
pub use fkp_core::{
    BoundingBox, BoxConvention, Candidates, CropRule, CropSquare, DecodeError, Detection, Detector,
    FaceBox, Image, InputSpec, Keypoint, Keypoints, Likelihood, OutputSpec, Schema, Task,
    decode_image, decode_upright,
};
