//! The parts of a graph: nodes, and the values between them.

use super::op::Op;

/// The operations of a network in evaluation, with their weights, in an order in which they can be
/// computed. Made by [`Graph::trace`].
#[derive(Debug, Clone)]
pub struct Graph {
    /// Shape of the input, `[channels, height, width]`.
    pub(crate) input: [usize; 3],
    /// Each uses only the input and the values of earlier nodes.
    pub(crate) nodes: Vec<Node>,
    /// The value that the network returns.
    pub(crate) output: ValueId,
}

/// One operation on values.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) op: Op,
    /// As many as the operation takes.
    pub(crate) inputs: Vec<ValueId>,
    /// Shape of the value that it computes, without the batch.
    pub(crate) shape: Vec<usize>,
}

/// The input of a graph, or the value that one of its nodes computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ValueId {
    /// The input of the graph.
    Input,
    /// The value of the node with this index.
    Node(usize),
}

impl Graph {
    /// Shape of a value, without the batch.
    pub(crate) fn shape(&self, value: ValueId) -> &[usize] {
        match value {
            ValueId::Input => &self.input,
            ValueId::Node(index) => &self.nodes[index].shape,
        }
    }

    /// How often each node's value is used: by other nodes, and as the output.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        let inputs = self.nodes.iter().flat_map(|node| &node.inputs);
        for value in inputs.chain([&self.output]) {
            if let ValueId::Node(index) = value {
                uses[*index] += 1;
            }
        }
        uses
    }
}
