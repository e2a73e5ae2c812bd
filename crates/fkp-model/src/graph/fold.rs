//! Folding of batch normalizations into the convolutions before them.

use super::definition::{Graph, Node, ValueId};
use super::op::Op;
use candle_core::{Result, Tensor};
use fkp_kernels::fold_batch_norm;

impl Graph {
    /// The same network with each batch normalization folded into the convolution before it. One
    /// that follows another operation, or a convolution whose output is used elsewhere, stays.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub(crate) fn fold_batch_norms(&self) -> Result<Self> {
        let uses = self.uses();
        let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
        // Where the value of each node of `self` is in the new graph.
        let mut moved: Vec<ValueId> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            if let Op::BatchNorm { .. } = node.op
                && let &[ValueId::Node(before)] = node.inputs.as_slice()
                && uses[before] == 1
                && let ValueId::Node(conv) = moved[before]
                && let Some(folded) = folded(&nodes[conv].op, &node.op)?
            {
                nodes[conv].op = folded;
                moved.push(ValueId::Node(conv));
                continue;
            }
            let mut node = node.clone();
            for value in &mut node.inputs {
                *value = follow(&moved, *value);
            }
            moved.push(ValueId::Node(nodes.len()));
            nodes.push(node);
        }
        Ok(Self {
            input: self.input,
            output: follow(&moved, self.output),
            nodes,
        })
    }
}

fn follow(moved: &[ValueId], value: ValueId) -> ValueId {
    match value {
        ValueId::Input => value,
        ValueId::Node(index) => moved[index],
    }
}

/// The convolution that computes `op` and then `norm`; `None` if they are anything else.
fn folded(op: &Op, norm: &Op) -> Result<Option<Op>> {
    let Op::BatchNorm {
        gamma,
        beta,
        running,
        eps,
    } = norm
    else {
        return Ok(None);
    };
    let fold = |weight: &Tensor, bias: &Option<Tensor>| {
        fold_batch_norm(weight, bias.as_ref(), gamma, beta, running, *eps)
    };
    Ok(match op {
        Op::Conv {
            weight,
            bias,
            padding,
            stride,
            channels,
        } => {
            let (weight, bias) = fold(weight, bias)?;
            Some(Op::Conv {
                weight,
                bias: Some(bias),
                padding: *padding,
                stride: *stride,
                channels: *channels,
            })
        }
        Op::ConvTranspose {
            weight,
            bias,
            config,
        } => {
            // The output channels are the second dimension.
            let (weight, bias) = fold(&weight.transpose(0, 1)?, bias)?;
            Some(Op::ConvTranspose {
                weight: weight.transpose(0, 1)?.contiguous()?,
                bias: Some(bias),
                config: *config,
            })
        }
        _ => None,
    })
}
