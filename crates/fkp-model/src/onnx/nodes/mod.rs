//! From the operations of a graph to ONNX nodes.

mod activations;
mod maps;
mod writer;

pub(super) use writer::Nodes;

use super::proto::AttributeProto;
use crate::ModelError;
use crate::graph::{Graph, Op, ValueId};
use fkp_kernels::Channels;
use writer::Place;

impl Nodes {
    /// The nodes of a graph whose input and output have these names.
    ///
    /// # Errors
    /// If ONNX has no operator for an operation, or a tensor operation fails.
    pub(super) fn new(graph: &Graph, input: &str, output: &str) -> Result<Self, ModelError> {
        let value_name = |value: ValueId| match value {
            ValueId::Input => input.to_owned(),
            value if value == graph.output => output.to_owned(),
            ValueId::Node(index) => node_name(graph, index),
        };
        let mut nodes = Self::default();
        for (index, node) in graph.nodes.iter().enumerate() {
            let inputs: Vec<String> = node.inputs.iter().map(|value| value_name(*value)).collect();
            let place = Place {
                name: node_name(graph, index),
                inputs,
                output: value_name(ValueId::Node(index)),
            };
            let shapes = Shapes {
                input: graph.shape(node.inputs[0]),
                output: &node.shape,
            };
            nodes.push_op(&node.op, &place, shapes)?;
        }
        Ok(nodes)
    }

    fn push_op(&mut self, op: &Op, place: &Place, shapes: Shapes<'_>) -> Result<(), ModelError> {
        match op {
            Op::Conv {
                weight,
                bias,
                padding,
                stride,
                channels,
            } => {
                let (c_out, _, kh, kw) = weight.dims4()?;
                let groups = match channels {
                    Channels::All => 1,
                    Channels::Depthwise => c_out,
                };
                let attributes = vec![
                    AttributeProto::int("group", groups),
                    AttributeProto::ints("kernel_shape", &[kh, kw]),
                    AttributeProto::ints("pads", &[*padding; 4]),
                    AttributeProto::ints("strides", &[*stride; 2]),
                ];
                self.push_layer("Conv", place, weight, bias.as_ref(), attributes)?;
            }
            Op::BatchNorm {
                gamma,
                beta,
                running,
                eps,
            } => {
                let mut inputs = place.inputs.clone();
                inputs.push(self.weights(place, "weight", gamma)?);
                inputs.push(self.weights(place, "bias", beta)?);
                inputs.push(self.weights(place, "running_mean", &running.mean)?);
                inputs.push(self.weights(place, "running_var", &running.variance)?);
                let attributes = vec![AttributeProto::float("epsilon", *eps as f32)];
                let name = &place.name;
                self.push(
                    "BatchNormalization",
                    name,
                    inputs,
                    &place.output,
                    attributes,
                );
            }
            Op::ConvTranspose {
                weight,
                bias,
                config,
            } => self.push_conv_transpose(place, weight, bias.as_ref(), *config)?,
            Op::Linear { weight, bias } => {
                let attributes = vec![AttributeProto::int("transB", 1)];
                self.push_layer("Gemm", place, weight, Some(bias), attributes)?;
            }
            Op::Activation(activation) => self.push_activation(*activation, place)?,
            Op::MaxPool { kernel, stride } => {
                self.push_simple("MaxPool", place, windows(*kernel, *stride));
            }
            Op::AvgPool { kernel, stride } => {
                self.push_simple("AveragePool", place, windows(*kernel, *stride));
            }
            Op::GlobalAvgPool => {
                // ONNX keeps the two dimensions, with size 1.
                let pooled = self.step("GlobalAveragePool", "mean", place, &place.inputs);
                let attributes = vec![AttributeProto::int("axis", 1)];
                self.push(
                    "Flatten",
                    &place.name,
                    vec![pooled],
                    &place.output,
                    attributes,
                );
            }
            Op::UpsampleNearest { scale } => self.push_nearest(place, *scale),
            Op::UpsampleBilinear { scale } => self.push_bilinear(place, *scale),
            Op::ScaleChannels => self.push_scale_channels(place),
            Op::PRelu { slope } => self.push_prelu(place, slope, shapes.output)?,
            Op::SoftArgmax { beta } => self.push_soft_argmax(place, *beta, shapes.input),
            Op::Add => self.push_simple("Add", place, Vec::new()),
            Op::Flatten => {
                self.push_simple("Flatten", place, vec![AttributeProto::int("axis", 1)]);
            }
        }
        Ok(())
    }
}

/// Shapes of an operation's first input and its output, without the batch.
#[derive(Clone, Copy)]
struct Shapes<'a> {
    input: &'a [usize],
    output: &'a [usize],
}

/// Unique, because it contains the index.
fn node_name(graph: &Graph, index: usize) -> String {
    format!("{}{index}", graph.nodes[index].op.name())
}

fn windows(kernel: usize, stride: usize) -> Vec<AttributeProto> {
    vec![
        AttributeProto::ints("kernel_shape", &[kernel; 2]),
        AttributeProto::ints("strides", &[stride; 2]),
    ]
}
