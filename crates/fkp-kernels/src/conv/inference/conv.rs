//! One interface for the algorithms.

use super::buffers::Buffers;
use super::depthwise::Depthwise;
use super::finish::Finish;
use super::input::InputLayout;
use super::taps::Taps;
use crate::Activation;
use crate::aligned::Aligned;
use crate::conv::channels::Channels;
use crate::conv::geometry::Geometry;
use crate::conv::winograd::{self, InferenceWinograd};
use crate::layout::{Grid, padded};
use crate::matmul::{Addition, Epilogue};

/// A convolution of one image with its weights and bias.
#[derive(Debug)]
pub(crate) struct InferenceConv {
    geometry: Geometry,
    algorithm: Algorithm,
    /// Padded with zeros.
    bias: Aligned,
    output: Grid,
}

#[derive(Debug)]
enum Algorithm {
    Winograd(InferenceWinograd),
    Taps(Taps),
    Depthwise(Depthwise),
}

/// Where a convolution reads and writes.
#[derive(Clone, Copy)]
pub(crate) struct Layouts {
    pub(crate) input: InputLayout,
    /// The first pixel is that of the result, after pooling.
    pub(crate) output: Grid,
}

impl InferenceConv {
    /// `weights` are `[c_out, c_in, kh, kw]`, or `[c, 1, kh, kw]`, and `bias` is empty or `[c_out]`.
    /// Pooling needs an activation that [`is_fused`].
    pub(crate) fn new(
        g: &Geometry,
        channels: Channels,
        layouts: Layouts,
        weights: &[f32],
        bias: &[f32],
    ) -> Self {
        let input = layouts.input;
        let algorithm = match channels {
            Channels::Depthwise => Algorithm::Depthwise(Depthwise::new(g, input, weights)),
            Channels::All if winograd::applies(g) && input.channel == 1 => {
                Algorithm::Winograd(InferenceWinograd::new(g, input.grid, weights))
            }
            Channels::All => Algorithm::Taps(Taps::new(g, input, weights)),
        };
        Self::with_algorithm(g, algorithm, layouts, bias)
    }

    /// The same by products of windows and weights, whatever is fastest: nothing but the windows is
    /// read.
    pub(crate) fn by_windows(
        g: &Geometry,
        layouts: Layouts,
        weights: &[f32],
        bias: &[f32],
    ) -> Self {
        let taps = Taps::new(g, layouts.input, weights);
        Self::with_algorithm(g, Algorithm::Taps(taps), layouts, bias)
    }

    fn with_algorithm(g: &Geometry, algorithm: Algorithm, layouts: Layouts, bias: &[f32]) -> Self {
        let mut padded_bias = Aligned::zeros(padded(g.c_out));
        padded_bias.as_mut_slice()[..bias.len()].copy_from_slice(bias);
        Self {
            geometry: *g,
            algorithm,
            bias: padded_bias,
            output: layouts.output,
        }
    }

    /// Writes the image of the output.
    pub(crate) fn run(&self, input: &[f32], addition: Addition<'_>, output: &mut [f32]) {
        let g = &self.geometry;
        let fused = is_fused(g.activation);
        let buffers = Buffers {
            input,
            bias: self.bias.as_slice(),
            epilogue: Epilogue {
                relu: g.activation == Activation::Relu,
                addition: if fused { addition } else { Addition::None },
            },
            output: &mut *output,
            output_grid: self.output,
        };
        match &self.algorithm {
            Algorithm::Taps(conv) => conv.run(g, buffers),
            Algorithm::Depthwise(conv) => conv.run(g, buffers),
            Algorithm::Winograd(conv) => conv.run(buffers),
        }
        if !fused {
            let finish = Finish {
                h: g.ho,
                w: g.wo,
                depth: padded(g.c_out),
                activation: g.activation,
                addition,
                grid: self.output,
                values: output,
            };
            finish.run();
        }
    }
}

/// Whether the kernels apply an activation themselves, and can pool after it.
pub(crate) fn is_fused(activation: Activation) -> bool {
    matches!(activation, Activation::Identity | Activation::Relu)
}
