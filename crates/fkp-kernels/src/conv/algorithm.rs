//! The choice of the algorithm that computes a convolution.

use super::buffers::{BackwardInputs, InputGradient};
use super::geometry::Geometry;
use super::{direct, im2col, winograd};
use crate::weighted_op::{OpGradients, OpInputs};

/// The implementations, in the order in which they are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    /// Fewest multiplications: 3×3 kernels of stride 1.
    Winograd,
    /// Few input channels.
    Direct,
    /// Every kernel and stride.
    Im2col,
}

impl Algorithm {
    fn of(g: &Geometry) -> Self {
        if winograd::applies(g) {
            Self::Winograd
        } else if direct::applies(g) {
            Self::Direct
        } else {
            Self::Im2col
        }
    }
}

/// Bytes of the argmax buffer, in the layout of the algorithm that writes and later reads it.
pub(crate) fn argmax_len(g: &Geometry) -> usize {
    let image = match Algorithm::of(g) {
        Algorithm::Winograd => winograd::output_frame(g).len(),
        Algorithm::Direct => direct::output_frame(g).len(),
        Algorithm::Im2col => g.out_len(),
    };
    g.n * image
}

/// Computes the output. With pooling, `argmax` receives the index of the maximum of each window:
/// `None` where no gradient is needed.
pub(crate) fn forward(g: &Geometry, inputs: OpInputs<'_>, argmax: Option<&mut [u8]>) -> Vec<f32> {
    match Algorithm::of(g) {
        Algorithm::Winograd => winograd::forward(g, inputs, argmax),
        Algorithm::Direct => direct::forward(g, inputs, argmax),
        Algorithm::Im2col => im2col::forward(g, inputs, argmax),
    }
}

/// Computes the gradients.
pub(crate) fn backward(g: &Geometry, inputs: &BackwardInputs<'_>) -> OpGradients {
    match (Algorithm::of(g), inputs.input_gradient) {
        (Algorithm::Winograd, _) => winograd::backward(g, inputs),
        (Algorithm::Direct, InputGradient::NotNeeded) => direct::parameter_gradients(g, inputs),
        (Algorithm::Direct, InputGradient::Needed) => {
            let argmax = direct::argmax_in_planes(g, inputs.argmax);
            im2col::backward(
                g,
                &BackwardInputs {
                    argmax: &argmax,
                    ..*inputs
                },
            )
        }
        (Algorithm::Im2col, _) => im2col::backward(g, inputs),
    }
}
