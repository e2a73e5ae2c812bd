//! Loads the model that a program was started with.

use anyhow::{Context, Result};
use fkp_model::{FaceDetector, Landmarker, ModelFile, Pretrained, PretrainedDetector};
use std::path::Path;

/// The model of a file or of the name of a pretrained one, the default one if there is no name; and
/// its name for messages.
///
/// # Errors
/// If there is neither a file nor a pretrained model of this name, or the file is not a model.
pub fn model_file(given: Option<&Path>) -> Result<(ModelFile, String)> {
    let Some(path) = given else {
        return included(Pretrained::default());
    };
    match path.to_str().filter(|_| !path.exists()) {
        Some("pretrained") => return included(Pretrained::default()),
        name => {
            if let Some(model) = name.and_then(Pretrained::by_name) {
                return included(model);
            }
            if let Some(detector) = name.and_then(PretrainedDetector::by_name) {
                let name = format!("the pretrained detector `{}`", detector.name());
                return Ok((ModelFile::pretrained_detector(detector)?, name));
            }
        }
    }
    let file = ModelFile::read(path).with_context(|| match path.exists() {
        true => "cannot load the model".to_owned(),
        false => format!(
            "`{}` is neither a file nor a pretrained model ({})",
            path.display(),
            names()
        ),
    })?;
    Ok((file, path.display().to_string()))
}

/// The same as a landmarker.
///
/// # Errors
/// As for [`model_file`].
pub fn landmarker(given: Option<&Path>) -> Result<(Landmarker, String)> {
    let (file, name) = model_file(given)?;
    Ok((Landmarker::from_model_file(file)?, name))
}

/// The face detector of a file or of the name of a pretrained one, the default one if there is no
/// name; and its name for messages.
///
/// # Errors
/// If there is neither a file nor a pretrained detector of this name, or the file is not a detector.
pub fn detector(given: Option<&Path>) -> Result<(FaceDetector, String)> {
    let default = Path::new(PretrainedDetector::default().name());
    let (file, name) = model_file(Some(given.unwrap_or(default)))?;
    let detector = FaceDetector::from_model_file(file);
    Ok((detector.with_context(|| name.clone())?, name))
}

/// The help text of options that name a face detector.
pub fn detector_help() -> String {
    let names = PretrainedDetector::ALL
        .iter()
        .map(|detector| detector.name());
    let names: Vec<&str> = names.collect();
    format!(
        "The file of a face detector, or the name of a pretrained one: {}",
        names.join(", ")
    )
}

/// The help text of options that name a model.
pub fn model_help() -> String {
    format!(
        "A model file, or the name of a pretrained model: {}",
        names()
    )
}

fn included(model: Pretrained) -> Result<(ModelFile, String)> {
    let name = format!("the pretrained model `{}`", model.name());
    Ok((ModelFile::pretrained(model)?, name))
}

fn names() -> String {
    let names: Vec<&str> = Pretrained::ALL.iter().map(|model| model.name()).collect();
    names.join(", ")
}
