//! Appending of nodes and weights.

use crate::ModelError;
use crate::onnx::proto::{AttributeProto, FLOAT, INT64, NodeProto, TensorProto};
use candle_core::{DType, Tensor};

/// The nodes of an ONNX graph and their weights.
#[derive(Default)]
pub(in crate::onnx) struct Nodes {
    pub(in crate::onnx) nodes: Vec<NodeProto>,
    pub(in crate::onnx) initializers: Vec<TensorProto>,
}

/// Where an operation is in the graph: its own name, and those of its values.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
}

impl Nodes {
    /// The node of an operation that is one operator without weights.
    pub(super) fn push_simple(
        &mut self,
        op_type: &str,
        place: &Place,
        attributes: Vec<AttributeProto>,
    ) {
        let inputs = place.inputs.clone();
        self.push(op_type, &place.name, inputs, &place.output, attributes);
    }

    /// The node of a layer, one operator with weights and perhaps a bias.
    pub(super) fn push_layer(
        &mut self,
        op_type: &str,
        place: &Place,
        weight: &Tensor,
        bias: Option<&Tensor>,
        attributes: Vec<AttributeProto>,
    ) -> Result<(), ModelError> {
        let mut inputs = place.inputs.clone();
        inputs.push(self.weights(place, "weight", weight)?);
        if let Some(bias) = bias {
            inputs.push(self.weights(place, "bias", bias)?);
        }
        self.push(op_type, &place.name, inputs, &place.output, attributes);
        Ok(())
    }

    /// A node before the last of an operation; returns the name of its value.
    pub(super) fn step(
        &mut self,
        op_type: &str,
        suffix: &str,
        place: &Place,
        inputs: &[String],
    ) -> String {
        self.step_with(op_type, suffix, place, inputs, Vec::new())
    }

    /// The same with attributes.
    pub(super) fn step_with(
        &mut self,
        op_type: &str,
        suffix: &str,
        place: &Place,
        inputs: &[String],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name = format!("{}.{suffix}", place.name);
        self.push(op_type, &name, inputs.to_vec(), &name, attributes);
        name
    }

    pub(super) fn push(
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
    pub(super) fn weights(
        &mut self,
        place: &Place,
        suffix: &str,
        tensor: &Tensor,
    ) -> Result<String, ModelError> {
        let dims = tensor.dims().iter().map(|side| *side as i64).collect();
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(self.floats(place, suffix, dims, &values))
    }

    /// Stores one number, and returns its name.
    pub(super) fn constant(&mut self, place: &Place, suffix: &str, value: f32) -> String {
        self.floats(place, suffix, Vec::new(), &[value])
    }

    /// Stores numbers, and returns their name.
    pub(super) fn floats(
        &mut self,
        place: &Place,
        suffix: &str,
        dims: Vec<i64>,
        values: &[f32],
    ) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializer(
            place,
            suffix,
            TensorProto {
                dims,
                data_type: FLOAT,
                raw_data: bytes.collect(),
                ..TensorProto::default()
            },
        )
    }

    /// Stores the sizes of a shape, and returns their name.
    pub(super) fn sizes(&mut self, place: &Place, suffix: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializer(
            place,
            suffix,
            TensorProto {
                dims: vec![values.len() as i64],
                data_type: INT64,
                raw_data: bytes.collect(),
                ..TensorProto::default()
            },
        )
    }

    fn initializer(&mut self, place: &Place, suffix: &str, tensor: TensorProto) -> String {
        let name = format!("{}.{suffix}", place.name);
        self.initializers.push(TensorProto {
            name: name.clone(),
            ..tensor
        });
        name
    }
}
