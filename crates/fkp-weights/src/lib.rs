//! Trained weights as a crate: a model is a dependency with a version, and is available offline.
//!
#![doc = include_str!("../README.md")]

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

/// 68 keypoints, each with a standard deviation, trained on rendered faces only, without
/// photographs. See the model card above.
pub const FAST: Weights = Weights {
    name: "fast",
    bytes: include_bytes!("../weights/fast.safetensors"),
    sha256: include_str!("../weights/fast.sha256"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_bytes_have_the_checksum_of_the_card() {
        let digest = Sha256::digest(FAST.bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, FAST.sha256.trim());
        let card = include_str!("../README.md");
        assert!(card.contains(&digest), "the card names another SHA-256");
    }

    #[test]
    fn the_file_is_small_enough_to_ship() {
        assert!(FAST.bytes.len() <= 2_000_000);
    }
}
