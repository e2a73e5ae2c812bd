//! Loads the model that a program was started with.

use anyhow::Result;
use fkp_model::Landmarker;
use std::path::Path;

/// The model of a file, or the pretrained one, and its name for messages.
pub fn landmarker(path: Option<&Path>) -> Result<(Landmarker, String)> {
    Ok(match path {
        Some(path) => (Landmarker::load(path)?, path.display().to_string()),
        None => (Landmarker::pretrained()?, "the pretrained model".to_owned()),
    })
}
