//! The seed of everything irregular in an image.

/// The noise of skin, hair, background and camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texture {
    /// Seed.
    pub seed: u32,
    /// Whether left and right are swapped.
    pub mirrored: bool,
}
