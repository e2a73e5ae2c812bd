//! Which convolutions are computed together: a 1×1 convolution, the depthwise convolution of its result
//! and the 1×1 convolution of that.

use super::layouts::live;
use super::node::{Added, Conv, Kind, Node, Value};
use crate::conv::{Channels, Pooling, is_fused};

/// The same operations, in which the last convolution of each such three computes all of them. No
/// operation reads the results of the other two any more.
pub(super) fn with_bottlenecks(mut nodes: Vec<Node>, output: Value) -> Vec<Node> {
    let (_, uses) = live(&nodes, output);
    for i in 0..nodes.len() {
        if let Some((input, convs)) = bottleneck(&nodes, &uses, i) {
            nodes[i].kind = Kind::Bottleneck(Box::new(convs.map(Conv::clone)));
            nodes[i].inputs[0] = input;
        }
    }
    nodes
}

/// The three convolutions that end with operation `last`, and their input.
fn bottleneck<'a>(
    nodes: &'a [Node],
    uses: &[usize],
    last: usize,
) -> Option<(Value, [&'a Conv; 3])> {
    let conv = |i: usize| match &nodes[i].kind {
        Kind::Conv(conv) => Some(conv.as_ref()),
        _ => None,
    };
    // Whose result no other operation reads.
    let inner = |i: usize| match conv(i) {
        Some(conv) if uses[i] == 1 && conv.residual == Added::Never => Some(conv),
        _ => None,
    };
    let project = conv(last)?;
    let middle = nodes[last].inputs[0];
    let depthwise = inner(middle.0)?;
    let first = nodes[middle.0].inputs[0];
    let expand = inner(first.0)?;
    let convs = [expand, depthwise, project];
    let fits = depthwise.channels == Channels::Depthwise
        && expand.is_pointwise()
        && project.is_pointwise()
        && convs.iter().all(|conv| {
            conv.geometry.pooling == Pooling::None && is_fused(conv.geometry.activation)
        });
    fits.then(|| (nodes[first.0].inputs[0], convs))
}
