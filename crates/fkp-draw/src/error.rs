//! What can go wrong when keypoints are drawn.

/// An overlay or a contact sheet cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The enlarged image would have no pixels, or the factor is not finite.
    #[error("an image of {width}×{height} pixels cannot be enlarged by {factor}")]
    Size {
        /// Width of the image in pixels.
        width: usize,
        /// Height of the image in pixels.
        height: usize,
        /// The requested factor.
        factor: f64,
        /// Why the map does not exist.
        #[source]
        source: fkp_core::AffineError,
    },
    /// A contact sheet needs an image and a column.
    #[error("a contact sheet needs at least one image and one column")]
    EmptySheet,
    /// The embedded font cannot be read.
    #[error("the font of the captions cannot be read")]
    Font(#[source] ab_glyph::InvalidFont),
}
