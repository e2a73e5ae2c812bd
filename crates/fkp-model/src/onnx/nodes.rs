//! From the operations of a graph to ONNX nodes.

use super::proto::{AttributeProto, FLOAT, NodeProto, TensorProto};
use crate::ModelError;
use crate::graph::{Graph, Op, ValueId};
use candle_core::{DType, Tensor};
use fkp_kernels::{Activation, Channels};

/// The nodes of an ONNX graph and their weights.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<TensorProto>,
}

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
            nodes.push_op(&node.op, &place)?;
        }
        Ok(nodes)
    }

    fn push_op(&mut self, op: &Op, place: &Place) -> Result<(), ModelError> {
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
                let mut inputs = place.inputs.clone();
                inputs.push(self.weights(place, "weight", weight)?);
                if let Some(bias) = bias {
                    inputs.push(self.weights(place, "bias", bias)?);
                }
                self.push("Conv", &place.name, inputs, &place.output, attributes);
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
            Op::Linear { weight, bias } => {
                let mut inputs = place.inputs.clone();
                inputs.push(self.weights(place, "weight", weight)?);
                inputs.push(self.weights(place, "bias", bias)?);
                let attributes = vec![AttributeProto::int("transB", 1)];
                self.push("Gemm", &place.name, inputs, &place.output, attributes);
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
            Op::Add => self.push_simple("Add", place, Vec::new()),
            Op::Flatten => {
                self.push_simple("Flatten", place, vec![AttributeProto::int("axis", 1)]);
            }
        }
        Ok(())
    }

    fn push_activation(&mut self, activation: Activation, place: &Place) -> Result<(), ModelError> {
        let x = &place.inputs;
        match activation {
            Activation::Identity => self.push_simple("Identity", place, Vec::new()),
            Activation::Relu => self.push_simple("Relu", place, Vec::new()),
            Activation::Relu6 => {
                let limits = [
                    self.constant(place, "min", 0.0),
                    self.constant(place, "max", 6.0),
                ];
                let inputs = [x.as_slice(), &limits].concat();
                self.push("Clip", &place.name, inputs, &place.output, Vec::new());
            }
            Activation::LeakyRelu { slope } => {
                self.push_simple(
                    "LeakyRelu",
                    place,
                    vec![AttributeProto::float("alpha", slope)],
                );
            }
            Activation::Silu => {
                let sigmoid = self.step("Sigmoid", "sigmoid", place, x);
                let inputs = [x.as_slice(), &[sigmoid]].concat();
                self.push("Mul", &place.name, inputs, &place.output, Vec::new());
            }
            Activation::HardSwish => self.push_simple("HardSwish", place, Vec::new()),
            Activation::Gelu => {
                // x · (0.5 · erf(x / √2) + 0.5)
                let (half, scale) = (0.5, std::f32::consts::FRAC_1_SQRT_2);
                let [half, scale] = [
                    self.constant(place, "half", half),
                    self.constant(place, "scale", scale),
                ];
                let scaled = self.step("Mul", "scaled", place, &[x.as_slice(), &[scale]].concat());
                let erf = self.step("Erf", "erf", place, &[scaled]);
                let product = self.step("Mul", "product", place, &[erf, half.clone()]);
                let factor = self.step("Add", "factor", place, &[product, half]);
                let inputs = [x.as_slice(), &[factor]].concat();
                self.push("Mul", &place.name, inputs, &place.output, Vec::new());
            }
            other => {
                return Err(ModelError::Onnx {
                    operation: place.name.clone(),
                    problem: format!("there is no operator for the activation {other:?}"),
                });
            }
        }
        Ok(())
    }

    /// The node of an operation that is one operator without weights.
    fn push_simple(&mut self, op_type: &str, place: &Place, attributes: Vec<AttributeProto>) {
        let inputs = place.inputs.clone();
        self.push(op_type, &place.name, inputs, &place.output, attributes);
    }

    /// A node before the last of an operation; returns the name of its value.
    fn step(&mut self, op_type: &str, suffix: &str, place: &Place, inputs: &[String]) -> String {
        let name = format!("{}.{suffix}", place.name);
        self.push(op_type, &name, inputs.to_vec(), &name, Vec::new());
        name
    }

    fn push(
        &mut self,
        op_type: &str,
        name: &str,
        input: Vec<String>,
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto {
            op_type: op_type.to_owned(),
            name: name.to_owned(),
            input,
            output: vec![output.to_owned()],
            attribute,
        });
    }

    /// Stores weights, and returns their name.
    fn weights(
        &mut self,
        place: &Place,
        suffix: &str,
        tensor: &Tensor,
    ) -> Result<String, ModelError> {
        let dims = tensor.dims().iter().map(|side| *side as i64).collect();
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(self.initializer(place, suffix, dims, &values))
    }

    /// Stores one number, and returns its name.
    fn constant(&mut self, place: &Place, suffix: &str, value: f32) -> String {
        self.initializer(place, suffix, Vec::new(), &[value])
    }

    fn initializer(
        &mut self,
        place: &Place,
        suffix: &str,
        dims: Vec<i64>,
        values: &[f32],
    ) -> String {
        let name = format!("{}.{suffix}", place.name);
        self.initializers.push(TensorProto {
            dims,
            data_type: FLOAT,
            name: name.clone(),
            raw_data: values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        });
        name
    }
}

/// Where an operation is in the graph: its own name, and those of its values.
struct Place {
    name: String,
    inputs: Vec<String>,
    output: String,
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
