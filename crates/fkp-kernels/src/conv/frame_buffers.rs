//! Buffers of a convolution in the channels-last layout.

/// Where the input of a convolution comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Planes `[c_in, h, w]`.
    Planes,
    /// Pixels that another operation writes channels last.
    Pixels,
}

/// What the backward pass of one image reads and writes.
pub(crate) struct GradientBuffers<'a> {
    pub(crate) input: &'a [f32],
    /// The gradient of the output.
    pub(crate) dy: &'a [f32],
    /// The weights in the layout of the backward pass; empty without `dx`.
    pub(crate) weights: &'a [f32],
    /// The gradient of the weights, to which that of this image is added.
    pub(crate) dw: &'a mut [f32],
    /// Receives the gradient of the input; empty if not needed.
    pub(crate) dx: &'a mut [f32],
}
