//! The configuration of a transposed convolution.

/// Stride and padding of [`conv_transpose2d`](crate::conv_transpose2d), in PyTorch's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvTranspose2dConfig {
    /// Distance in the output between the windows of neighboring input pixels; at least 1.
    pub stride: usize,
    /// Rows and columns that are removed from every side of the output.
    pub padding: usize,
    /// Rows and columns that are added at the bottom and the right, less than `stride`: a
    /// convolution of this stride maps outputs of several sizes to the same size.
    pub output_padding: usize,
}

impl Default for ConvTranspose2dConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl ConvTranspose2dConfig {
    /// Stride 1, no padding.
    pub const fn new() -> Self {
        Self {
            stride: 1,
            padding: 0,
            output_padding: 0,
        }
    }

    /// Stride 2 and padding 1, with which a 4×4 kernel doubles height and width (Xiao et al. 2018).
    pub const fn doubling() -> Self {
        Self::new().stride(2).padding(1)
    }

    /// With this stride.
    pub const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With this padding on every side.
    pub const fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// With this padding at the bottom and the right.
    pub const fn output_padding(self, output_padding: usize) -> Self {
        Self {
            output_padding,
            ..self
        }
    }
}
