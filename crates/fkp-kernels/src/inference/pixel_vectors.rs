//! Which vectors are maps of one pixel: those that a map depends on, as in squeeze-and-excitation. They
//! are computed image by image; all others are computed for the whole batch, after the maps.

use super::layouts::live;
use super::node::{Added, Conv, Kind, Linear, Node, Shape, Value};
use crate::conv::{Channels, Geometry, Pooling};
use crate::frame_pool::Reduction;

/// The operations that `output` depends on, with each vector that a map depends on as a map of one
/// pixel, and the output.
pub(super) fn with_pixel_vectors(nodes: Vec<Node>, output: Value) -> (Vec<Node>, Value) {
    let (live, _) = live(&nodes, output);
    let shapes: Vec<Shape> = nodes.iter().map(|node| node.shape).collect();
    let pixels = pixel_vectors(&nodes, &live);
    let mut moved = Moved {
        values: vec![Value(0); nodes.len()],
        vectors: vec![None; nodes.len()],
        nodes: Vec::with_capacity(nodes.len()),
    };
    for (i, mut node) in nodes.into_iter().enumerate() {
        if !live[i] {
            continue;
        }
        if pixels[i] {
            node = pixel(node, &shapes);
        }
        let in_batch = matches!(node.shape, Shape::Vector(_));
        for value in &mut node.inputs {
            *value = match in_batch && pixels[value.0] {
                true => moved.vector(*value, shapes[value.0]),
                false => moved.values[value.0],
            };
        }
        moved.values[i] = moved.push(node);
    }
    let output = match pixels[output.0] {
        true => moved.vector(output, shapes[output.0]),
        false => moved.values[output.0],
    };
    (moved.nodes, output)
}

/// Which values are vectors that a map depends on.
fn pixel_vectors(nodes: &[Node], live: &[bool]) -> Vec<bool> {
    let is_vector = |i: usize| matches!(nodes[i].shape, Shape::Vector(_));
    let mut pixels = vec![false; nodes.len()];
    for (i, node) in nodes.iter().enumerate().rev() {
        if live[i] && (pixels[i] || !is_vector(i)) {
            for value in node.inputs.iter().filter(|value| is_vector(value.0)) {
                pixels[value.0] = true;
            }
        }
    }
    pixels
}

/// The operations so far, and where the values are among them.
struct Moved {
    nodes: Vec<Node>,
    values: Vec<Value>,
    /// A map of one pixel as a vector.
    vectors: Vec<Option<Value>>,
}

impl Moved {
    fn push(&mut self, node: Node) -> Value {
        self.nodes.push(node);
        Value(self.nodes.len() - 1)
    }

    fn vector(&mut self, pixel: Value, shape: Shape) -> Value {
        if let Some(vector) = self.vectors[pixel.0] {
            return vector;
        }
        let vector = self.push(Node {
            kind: Kind::Flatten,
            inputs: vec![self.values[pixel.0]],
            shape,
        });
        self.vectors[pixel.0] = Some(vector);
        vector
    }
}

/// The operation that computes a vector as a pixel; `shapes` are those of all values.
fn pixel(node: Node, shapes: &[Shape]) -> Node {
    let input = shapes[node.inputs[0].0];
    let kind = match (node.kind, input) {
        (Kind::GlobalAvgPool, Shape::Map { h, w, .. }) => Kind::Pool {
            window: (h, w),
            stride: 1,
            reduction: Reduction::Mean,
        },
        (Kind::Linear(linear), _) => {
            Kind::Conv(Box::new(pointwise(linear, input.len(), node.shape.len())))
        }
        (kind, _) => kind,
    };
    Node {
        kind,
        inputs: node.inputs,
        shape: Shape::Map {
            channels: node.shape.len(),
            h: 1,
            w: 1,
        },
    }
}

/// A dense layer as a 1×1 convolution of one pixel.
fn pointwise(linear: Linear, n_in: usize, n_out: usize) -> Conv {
    Conv {
        geometry: Geometry {
            n: 1,
            c_in: n_in,
            h: 1,
            w: 1,
            c_out: n_out,
            kh: 1,
            kw: 1,
            padding: 0,
            stride: 1,
            ho: 1,
            wo: 1,
            activation: linear.activation,
            pooling: Pooling::None,
        },
        channels: Channels::All,
        weight: linear.weight,
        bias: linear.bias,
        residual: Added::Never,
    }
}
