//! Convolutions and dense layers, whose weights are packed.

use super::places::Build;
use crate::conv::{Bottleneck, Geometry, InferenceConv, InputLayout, Layouts as ConvLayouts};
use crate::inference::batch::{BatchOp, Dense};
use crate::inference::image::Source;
use crate::inference::layouts::reads_planes;
use crate::inference::node::{Added, Conv, ConvTranspose, Linear, Node, Value};
use crate::inference::ops::{BottleneckOp, ConvOp, ConvTransposeOp, ResidualGrid};
use crate::layout::{Frame, padded};

impl Build<'_> {
    pub(super) fn conv(&mut self, i: usize, node: &Node, conv: &Conv) {
        let (input, sources) = self.conv_input(node, &conv.geometry);
        let output = self.frame(Value(i));
        let layouts = ConvLayouts {
            input,
            output: output.grid(0),
        };
        let op = ConvOp {
            conv: InferenceConv::new(
                &conv.geometry,
                conv.channels,
                layouts,
                &conv.weight,
                &conv.bias,
            ),
            residual: self.residual(node, conv.residual),
        };
        self.map(i, Box::new(op), sources);
    }

    pub(super) fn bottleneck(&mut self, i: usize, node: &Node, convs: &[Conv; 3]) {
        let (input, sources) = self.conv_input(node, &convs[0].geometry);
        let weights = convs.each_ref().map(Conv::weights);
        let op = BottleneckOp {
            convs: Bottleneck::new(weights, input, self.frame(Value(i))),
            residual: self.residual(node, convs[2].residual),
        };
        self.map(i, Box::new(op), sources);
    }

    /// Where a convolution reads its first input, and all inputs.
    fn conv_input(&self, node: &Node, g: &Geometry) -> (InputLayout, [Source; 2]) {
        let mut sources = self.sources(node);
        let input = match self.layouts.planes {
            Some(planes) if reads_planes(node) => {
                sources[0] = self.planes;
                InputLayout {
                    grid: planes.grid(g.padding),
                    channel: planes.area(),
                }
            }
            _ => InputLayout {
                grid: self.frame(node.inputs[0]).grid(g.padding),
                channel: 1,
            },
        };
        (input, sources)
    }

    fn residual(&self, node: &Node, added: Added) -> ResidualGrid {
        match added {
            Added::Never => ResidualGrid::None,
            Added::BeforeActivation => {
                ResidualGrid::BeforeActivation(self.frame(node.inputs[1]).grid(0))
            }
            Added::AfterActivation => {
                ResidualGrid::AfterActivation(self.frame(node.inputs[1]).grid(0))
            }
        }
    }

    pub(super) fn conv_transpose(&mut self, i: usize, node: &Node, conv: &ConvTranspose) {
        let (input, output) = (self.frame(node.inputs[0]), self.frame(Value(i)));
        let op = ConvTransposeOp(conv.phases.between(input, output, &conv.bias));
        self.map(i, Box::new(op), self.sources(node));
    }

    pub(super) fn linear(&mut self, i: usize, node: &Node, linear: &Linear) {
        let input = node.inputs[0];
        let (n_in, n_out) = (self.nodes[input.0].shape.len(), node.shape.len());
        let buffer = self.in_batch(input);
        let weight = match self.layouts.in_pixels[input.0] {
            false => linear.weight.clone(),
            true => {
                let frame = self.frame(self.nodes[input.0].inputs[0]);
                pixel_order(&frame, n_in, &linear.weight)
            }
        };
        let mut bias = linear.bias.clone();
        bias.resize(n_out, 0.0);
        let dense = Dense {
            n_in: weight.len() / n_out,
            n_out,
            weight,
            bias,
            activation: linear.activation,
        };
        self.push_batch(i, BatchOp::Linear(dense), vec![buffer], n_out);
    }
}

/// Weights `[n_out, channels · h · w]` in the order `[n_out, h · w, padded channels]`.
fn pixel_order(frame: &Frame, n_in: usize, weight: &[f32]) -> Vec<f32> {
    let (area, depth) = (frame.h * frame.w, padded(frame.channels));
    let rows = weight.len() / n_in;
    let mut ordered = vec![0.0; rows * area * depth];
    for (to, from) in ordered
        .chunks_exact_mut(area * depth)
        .zip(weight.chunks_exact(n_in))
    {
        for (c, plane) in from.chunks_exact(area).enumerate() {
            for (pixel, &value) in plane.iter().enumerate() {
                to[pixel * depth + c] = value;
            }
        }
    }
    ordered
}
