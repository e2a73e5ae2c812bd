//! Dense and depthwise convolutions.

/// Which input channels each output channel of a convolution is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// All of them.
    #[default]
    All,
    /// The one with the same index: a depthwise convolution, PyTorch's `groups = c`.
    Depthwise,
}
