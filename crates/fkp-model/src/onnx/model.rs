//! The whole of an ONNX file: graph, versions and metadata.

use super::nodes::Nodes;
use super::proto::{
    DimensionProto, FLOAT, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::graph::{Graph, ValueId};
use crate::{ModelCard, ModelError};
use fkp_core::Task;
use serde::Serialize;

/// The operator set, and the version of the file format that came with it in ONNX 1.12.
const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

const INPUT: &str = "image";

/// The file of a network for a task, and its card if it has one.
///
/// # Errors
/// If the network does not match the task, or ONNX has no operator for one of its operations.
pub(super) fn model(
    graph: &Graph,
    task: &Task,
    card: Option<&ModelCard>,
) -> Result<ModelProto, ModelError> {
    let input = &task.input;
    let expected = [input.channels, input.size, input.size];
    if graph.input != expected {
        let problem = format!("the task has {expected:?}, the network {:?}", graph.input);
        return Err(ModelError::config("input", problem));
    }
    if graph.output == ValueId::Input {
        return Err(ModelError::Onnx {
            operation: "the network".to_owned(),
            problem: "it returns its input".to_owned(),
        });
    }
    let shape = graph.shape(graph.output);
    task.output.check_shape(shape, task.schema.len())?;
    let graph = graph.fold_batch_norms()?;
    let output = task.output.kind();
    let Nodes {
        nodes,
        initializers,
    } = Nodes::new(&graph, INPUT, output)?;
    let input_doc = format!(
        "face crops, {}, normalized: (v / 255 - {}) / {}",
        match input.channels {
            1 => "gray",
            _ => "RGB",
        },
        input.mean,
        input.std
    );
    let output_doc = format!(
        "{} keypoints of the schema {}",
        task.schema.len(),
        task.schema.name()
    );
    Ok(ModelProto {
        ir_version: IR_VERSION,
        producer_name: "fkp".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(GraphProto {
            node: nodes,
            name: "keypoints".to_owned(),
            initializer: initializers,
            input: vec![value_info(INPUT, &graph.input, input_doc)],
            output: vec![value_info(output, shape, output_doc)],
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: metadata(task, card)?,
    })
}

/// The table in the documentation of the module.
fn metadata(
    task: &Task,
    card: Option<&ModelCard>,
) -> Result<Vec<StringStringEntryProto>, ModelError> {
    let input = &task.input;
    let keypoints: Vec<&str> = task.schema.keypoints().iter().map(String::as_str).collect();
    let mut entries = vec![
        ("input_size", input.size.to_string()),
        ("input_channels", input.channels.to_string()),
        ("input_mean", input.mean.to_string()),
        ("input_std", input.std.to_string()),
        ("schema", task.schema.name().to_owned()),
        ("keypoints", json("keypoints", &keypoints)?),
        ("output", json("output", &task.output)?),
        ("crop", json("crop", &task.crop)?),
    ];
    if let Some(calibration) = task.calibration() {
        entries.push(("sigma_factor", calibration.sigma_factor.to_string()));
    }
    if let Some(threshold) = task.score_threshold {
        entries.push(("score_threshold", threshold.to_string()));
    }
    if let Some(card) = card {
        entries.push((ModelCard::KEY, card.to_metadata()?));
    }
    let entry = |(key, value): (&str, String)| StringStringEntryProto {
        key: key.to_owned(),
        value,
    };
    Ok(entries.into_iter().map(entry).collect())
}

fn json(field: &str, value: &impl Serialize) -> Result<String, ModelError> {
    serde_json::to_string(value).map_err(|error| ModelError::config(field, error))
}

/// A value `[batch, ..shape]`.
fn value_info(name: &str, shape: &[usize], doc_string: String) -> ValueInfoProto {
    let batch = DimensionProto {
        dim_param: Some("batch".to_owned()),
        ..DimensionProto::default()
    };
    let sides = shape.iter().map(|side| DimensionProto {
        dim_value: Some(*side as i64),
        ..DimensionProto::default()
    });
    let dim = std::iter::once(batch).chain(sides).collect();
    let tensor_type = TensorTypeProto {
        elem_type: FLOAT,
        shape: Some(TensorShapeProto { dim }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
        doc_string,
    }
}
