//! Loads the model that a program was started with.

use anyhow::Result;
use fkp_model::{Landmarker, ModelFile};
use std::path::Path;

/// The model of a file, or the pretrained one, and its name for messages.
pub fn landmarker(path: Option<&Path>) -> Result<(Landmarker, String)> {
    let model = match path {
        Some(path) => Landmarker::load(path)?,
        None => Landmarker::pretrained()?,
    };
    Ok((model, name(path)))
}

/// The same as a model file, for its network.
pub fn model_file(path: Option<&Path>) -> Result<(ModelFile, String)> {
    let model = match path {
        Some(path) => ModelFile::read(path)?,
        None => ModelFile::pretrained()?,
    };
    Ok((model, name(path)))
}

fn name(path: Option<&Path>) -> String {
    match path {
        Some(path) => path.display().to_string(),
        None => "the pretrained model".to_owned(),
    }
}
