//! What can go wrong when an image is drawn.

/// An image that cannot be drawn.
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
        /// The factor that was asked for.
        factor: f64,
        /// Why no map exists.
        #[source]
        source: fkp_core::AffineError,
    },
    /// A contact sheet without an image or without a column.
    #[error("a contact sheet needs at least one image and one column")]
    EmptySheet,
    /// The embedded font cannot be read.
    #[error("the font of the captions cannot be read")]
    Font(#[source] ab_glyph::InvalidFont),
}
