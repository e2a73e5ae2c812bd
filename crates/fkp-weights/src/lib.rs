//! Trained weights, and nothing else: so that a model is one dependency away, offline, and has a
//! version like any other code.
//!
#![doc = include_str!("../README.md")]

/// A model file and what it must be.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Weights {
    /// The name of the model.
    pub name: &'static str,
    /// The model file: what `fkp_model::Landmarker::from_bytes` takes.
    pub bytes: &'static [u8],
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: &'static str,
}

/// 15 keypoints with a standard deviation each, trained on rendered faces alone: no photograph
/// went into it. See the model card above.
pub const RENDERED_15: Weights = Weights {
    name: "rendered15",
    bytes: include_bytes!("../weights/rendered15.safetensors"),
    sha256: include_str!("../weights/rendered15.sha256"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_bytes_are_the_ones_that_the_card_describes() {
        let digest = Sha256::digest(RENDERED_15.bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, RENDERED_15.sha256.trim());
        let card = include_str!("../README.md");
        assert!(card.contains(&digest), "the card names another SHA-256");
    }

    #[test]
    fn the_file_is_small_enough_to_ship() {
        assert!(RENDERED_15.bytes.len() <= 4_000_000);
    }
}
