//! Trained weights as a crate: a model is a dependency with a version, and is available offline.
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// A model file with its name and its checksum.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Weights {
    /// The name of the model.
    pub name: &'static str,
    /// The model file, for `fkp_model::Landmarker::from_bytes`.
    pub bytes: &'static [u8],
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: &'static str,
}

impl Weights {
    /// A model file of another crate.
    pub const fn new(name: &'static str, bytes: &'static [u8], sha256: &'static str) -> Self {
        Self {
            name,
            bytes,
            sha256,
        }
    }
}

/// 68 keypoints, each with a standard deviation, and a face score; trained on rendered faces only,
/// without photographs.
pub const FAST: Weights = Weights::new(
    "fast",
    include_bytes!("../weights/fast.safetensors"),
    include_str!("../weights/fast.sha256"),
);

/// A face detector, trained on rendered scenes only, without photographs.
pub const FACES: Weights = Weights::new(
    "faces",
    include_bytes!("../weights/faces.safetensors"),
    include_str!("../weights/faces.sha256"),
);
