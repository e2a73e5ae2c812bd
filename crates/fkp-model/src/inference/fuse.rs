//! Which operations become part of the convolution or dense layer before them.

use crate::graph::{Graph, Op, ValueId};
use fkp_kernels::{Activation, Pooling};

/// An operation with what follows it, in place of the last of these nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fused {
    /// The node that is computed first.
    pub(super) first: usize,
    pub(super) activation: Activation,
    pub(super) addition: Addition,
    pub(super) pooling: Pooling,
}

/// A value that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addition {
    None,
    BeforeActivation(ValueId),
    AfterActivation(ValueId),
}

/// What is computed at the position of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Nothing: a later node computes it.
    Later,
    Node(Fused),
}

/// What is computed at the position of each node of a graph. A sequence is fused if only the next
/// operation uses the value of each.
pub(super) fn fuse(graph: &Graph) -> Vec<Part> {
    let uses = graph.uses();
    let mut parts: Vec<Option<Part>> = vec![None; graph.nodes.len()];
    for first in 0..graph.nodes.len() {
        if parts[first].is_some() {
            continue;
        }
        let mut fused = Fused {
            first,
            activation: Activation::Identity,
            addition: Addition::None,
            pooling: Pooling::None,
        };
        let mut last = first;
        while uses[last] == 1
            && let Some(next) = user(graph, last)
            && parts[next].is_none()
            && fused.append(graph, last, next)
        {
            parts[last] = Some(Part::Later);
            last = next;
        }
        parts[last] = Some(Part::Node(fused));
    }
    parts
        .into_iter()
        .map(|part| part.unwrap_or(Part::Later))
        .collect()
}

/// The only operation that uses the value of a node; `None` if it is the output.
fn user(graph: &Graph, node: usize) -> Option<usize> {
    let value = ValueId::Node(node);
    graph
        .nodes
        .iter()
        .position(|node| node.inputs.contains(&value))
}

impl Fused {
    /// Whether node `next`, which uses the value of `last`, can be computed too.
    fn append(&mut self, graph: &Graph, last: usize, next: usize) -> bool {
        let is_conv = match &graph.nodes[self.first].op {
            Op::Conv { .. } | Op::BatchNorm { .. } => true,
            Op::Linear { .. } | Op::ConvTranspose { .. } => false,
            Op::Activation(_)
            | Op::MaxPool { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::UpsampleNearest { .. }
            | Op::UpsampleBilinear { .. }
            | Op::ScaleChannels
            | Op::PRelu { .. }
            | Op::SoftArgmax { .. }
            | Op::Add
            | Op::Flatten => return false,
        };
        let open = self.pooling == Pooling::None;
        match &graph.nodes[next].op {
            Op::Activation(activation) => {
                let free = self.activation == Activation::Identity
                    && !matches!(self.addition, Addition::AfterActivation(_));
                if !(free && open) {
                    return false;
                }
                self.activation = *activation;
            }
            Op::Add if is_conv && open && self.addition == Addition::None => {
                let inputs = &graph.nodes[next].inputs;
                let other = inputs.iter().find(|value| **value != ValueId::Node(last));
                let Some(other) = other else {
                    return false;
                };
                self.addition = match self.activation {
                    Activation::Identity => Addition::BeforeActivation(*other),
                    _ => Addition::AfterActivation(*other),
                };
            }
            Op::MaxPool {
                kernel: 2,
                stride: 2,
            } if is_conv && open => self.pooling = Pooling::Max2,
            Op::Add
            | Op::MaxPool { .. }
            | Op::Conv { .. }
            | Op::ConvTranspose { .. }
            | Op::BatchNorm { .. }
            | Op::Linear { .. }
            | Op::AvgPool { .. }
            | Op::GlobalAvgPool
            | Op::UpsampleNearest { .. }
            | Op::UpsampleBilinear { .. }
            | Op::ScaleChannels
            | Op::PRelu { .. }
            | Op::SoftArgmax { .. }
            | Op::Flatten => return false,
        }
        true
    }
}
