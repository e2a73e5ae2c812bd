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
    if let Some(model) = named(given) {
        return Ok((ModelFile::pretrained(model)?, name_of(model)));
    }
    // A default is a pretrained model.
    let path = given.unwrap_or(Path::new(""));
    let name = path.to_str().filter(|_| !path.exists());
    if let Some(detector) = name.and_then(PretrainedDetector::by_name) {
        let name = format!("the pretrained detector `{}`", detector.name());
        return Ok((ModelFile::pretrained_detector(detector)?, name));
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
    if let Some(model) = named(given) {
        return Ok((Landmarker::from_pretrained(model)?, name_of(model)));
    }
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

/// The pretrained model of this name, or the default one if there is none; `None` if it is another name or that
/// of a file.
fn named(given: Option<&Path>) -> Option<Pretrained> {
    let Some(path) = given else {
        return Some(Pretrained::default());
    };
    match path.to_str().filter(|_| !path.exists())? {
        "pretrained" => Some(Pretrained::default()),
        name => Pretrained::by_name(name),
    }
}

fn name_of(model: Pretrained) -> String {
    format!("the pretrained model `{}`", model.name())
}

fn names() -> String {
    let names: Vec<&str> = Pretrained::ALL.iter().map(|model| model.name()).collect();
    names.join(", ")
}
