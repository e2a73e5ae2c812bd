//! Operations without packed weights.

use super::places::Build;
use crate::Activation;
use crate::frame_pool::{FramePool, Reduction};
use crate::inference::batch::BatchOp;
use crate::inference::image::ImageOp;
use crate::inference::node::{Interpolation, Node, Shape, Value};
use crate::inference::ops::{
    Bilinear, Elementwise, GlobalMean, MeanPositions, Nearest, PRelu, Pool, Scale, Tighten, Unpack,
};
use crate::layout::{Frame, padded};
use crate::soft_argmax::MeanPosition;
use crate::upsample::Phase;

impl Build<'_> {
    pub(super) fn pool(
        &mut self,
        i: usize,
        node: &Node,
        (window, stride): ((usize, usize), usize),
        reduction: Reduction,
    ) {
        let (input, output) = (self.frame(node.inputs[0]), self.frame(Value(i)));
        let pool = FramePool {
            window,
            stride,
            reduction,
            depth: padded(input.channels),
            input: input.grid(0),
            h: output.h,
            w: output.w,
            output: output.grid(0),
        };
        self.map(i, Box::new(Pool(pool)), self.sources(node));
    }

    pub(super) fn global_avg_pool(&mut self, i: usize, node: &Node) {
        let input = self.frame(node.inputs[0]);
        let pool = FramePool {
            window: (input.h, input.w),
            stride: 1,
            reduction: Reduction::Mean,
            depth: padded(input.channels),
            input: input.grid(0),
            h: 1,
            w: 1,
            output: Frame::tight(input.channels, 1, 1).grid(0),
        };
        self.row(i, Box::new(GlobalMean { pool }), node, input.channels);
    }

    pub(super) fn upsample(
        &mut self,
        i: usize,
        node: &Node,
        scale: usize,
        interpolation: Interpolation,
    ) {
        let (input, output) = (self.frame(node.inputs[0]), self.frame(Value(i)));
        let op: Box<dyn ImageOp> = match interpolation {
            Interpolation::Nearest => Box::new(Nearest {
                input,
                output,
                scale,
            }),
            Interpolation::Bilinear => Box::new(Bilinear {
                input,
                output,
                phases: Phase::all(scale),
            }),
        };
        self.map(i, op, self.sources(node));
    }

    pub(super) fn scale_channels(&mut self, i: usize, node: &Node) {
        let (input, output) = (self.frame(node.inputs[0]), self.frame(Value(i)));
        self.map(i, Box::new(Scale { input, output }), self.sources(node));
    }

    pub(super) fn soft_argmax(&mut self, i: usize, node: &Node, mean: MeanPosition) {
        let input = self.frame(node.inputs[0]);
        self.vector(i, Box::new(MeanPositions { input, mean }), node);
    }

    pub(super) fn flatten(&mut self, i: usize, node: &Node) {
        let frame = self.frame(node.inputs[0]);
        if self.layouts.in_pixels[i] {
            let len = frame.h * frame.w * padded(frame.channels);
            self.row(i, Box::new(Tighten(frame)), node, len);
        } else {
            self.vector(i, Box::new(Unpack(frame)), node);
        }
    }
    /// An operation on single values, of a map or of vectors.
    pub(super) fn elementwise(&mut self, i: usize, node: &Node, activation: Activation) {
        if let Shape::Vector(len) = node.shape {
            let inputs = node.inputs.iter().map(|v| self.in_batch(*v)).collect();
            let op = match activation {
                Activation::Identity => BatchOp::Add,
                _ => BatchOp::Activation(activation),
            };
            self.push_batch(i, op, inputs, len);
            return;
        }
        let op = Elementwise {
            a: self.frame(node.inputs[0]),
            b: node.inputs.get(1).map(|value| self.frame(*value)),
            output: self.frame(Value(i)),
            activation,
        };
        self.map(i, Box::new(op), self.sources(node));
    }

    pub(super) fn prelu(&mut self, i: usize, node: &Node, slopes: &[f32]) {
        if let Shape::Vector(len) = node.shape {
            let input = self.in_batch(node.inputs[0]);
            self.push_batch(i, BatchOp::PRelu(slopes.to_vec()), vec![input], len);
            return;
        }
        let op = PRelu::new(self.frame(node.inputs[0]), self.frame(Value(i)), slopes);
        self.map(i, Box::new(op), self.sources(node));
    }

    /// An operation from a map to a vector, which may be a map of one pixel.
    fn vector(&mut self, i: usize, op: Box<dyn ImageOp>, node: &Node) {
        match node.shape {
            Shape::Map { .. } => self.map(i, op, self.sources(node)),
            Shape::Vector(len) => self.row(i, op, node, len),
        }
    }
}
