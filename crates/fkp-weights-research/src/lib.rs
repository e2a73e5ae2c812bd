//! Weights that were trained on photographs as well: **for research only**, see `LICENSE`.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use fkp_weights::Weights;

/// 68 keypoints, each with a standard deviation, and a face score, trained on rendered faces and on photographs.
pub const FAST: Weights = Weights::new(
    "research-fast",
    include_bytes!("../weights/fast.safetensors"),
    include_str!("../weights/fast.sha256"),
);

/// 68 keypoints without a face score, from a network with three times the parameters.
pub const ACCURATE: Weights = Weights::new(
    "research-accurate",
    include_bytes!("../weights/accurate.safetensors"),
    include_str!("../weights/accurate.sha256"),
);

/// A face detector, trained on photographs.
pub const FACES: Weights = Weights::new(
    "research-faces",
    include_bytes!("../weights/faces.safetensors"),
    include_str!("../weights/faces.sha256"),
);
