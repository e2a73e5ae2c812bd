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

/// The inputs of a batch.
pub(crate) trait InputFrames: Sync {
    /// The input frame, if it is in memory already.
    fn input(&self, image: usize) -> Option<&[f32]>;
    /// Writes the input frame.
    fn fill_input(&self, image: usize, input: &mut [f32]);
}

/// The images of a batch in the forward pass.
pub(crate) trait ForwardPass: InputFrames {
    /// Gets the frame of the output as soon as it is computed.
    fn take_output(&self, image: usize, z: &[f32]);
}

/// The images of a batch in the backward pass.
pub(crate) trait BackwardPass: InputFrames {
    /// Writes the frame of the output gradient.
    fn fill_gradient(&self, image: usize, dy: &mut [f32]);
    /// Gets the frame of the input gradient.
    fn take_input_gradient(&self, image: usize, dx: &[f32]);
}
