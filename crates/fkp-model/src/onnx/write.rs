//! The public functions: networks to files.

use super::model::model;
use crate::graph::Graph;
use crate::{ModelCard, ModelError, ModelFile};
use candle_core::Device;
use fkp_core::Task;
use prost::Message;
use std::path::Path;

/// Writes the network of a model file as an ONNX file. An existing file is replaced.
///
/// # Errors
/// If the weights do not match the card, ONNX has no operator for an operation of the network, or
/// the file cannot be written.
pub fn write(model: &ModelFile, path: impl AsRef<Path>) -> Result<(), ModelError> {
    let graph = model.trace(&model.network(&Device::Cpu)?)?;
    let card = &model.card;
    write_file(&graph, &card.task, Some(card), path.as_ref())
}

/// Writes a network of your own, traced by [`Graph::trace`], as an ONNX file. An existing file is
/// replaced.
///
/// # Errors
/// If the network does not have the input and output of the task, and as [`write()`].
pub fn write_graph(graph: &Graph, task: &Task, path: impl AsRef<Path>) -> Result<(), ModelError> {
    write_file(graph, task, None, path.as_ref())
}

fn write_file(
    graph: &Graph,
    task: &Task,
    card: Option<&ModelCard>,
    path: &Path,
) -> Result<(), ModelError> {
    let bytes = model(graph, task, card)?.encode_to_vec();
    std::fs::write(path, bytes).map_err(|source| ModelError::Write {
        path: path.to_owned(),
        source,
    })
}
