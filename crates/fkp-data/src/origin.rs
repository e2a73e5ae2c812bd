//! Which image and which person a sample shows.

/// The image and the person of a sample, known without decoding the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Samples of the same image have the same number.
    pub(crate) image: usize,
    /// Samples of the same person have the same number.
    pub(crate) person: Option<usize>,
}
