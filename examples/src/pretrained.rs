//! Loads the model that a program was started with.

use anyhow::{Context, Result};
use fkp_model::{Landmarker, ModelFile, Pretrained};
use std::path::Path;

/// The model of a file or of the name of a pretrained one, the default one if there is no name; and
/// its name for messages.
///
/// # Errors
/// If there is neither a file nor a pretrained model of this name, or the file is not a model.
pub fn model_file(given: Option<&Path>) -> Result<(ModelFile, String)> {
    match pretrained(given) {
        Some(model) => Ok((ModelFile::pretrained(model)?, name_of(model))),
        None => {
            let path = given.unwrap_or(Path::new(""));
            let file = ModelFile::read(path).with_context(not_found(path))?;
            Ok((file, path.display().to_string()))
        }
    }
}

/// The same as a landmarker.
///
/// # Errors
/// As for [`model_file`].
pub fn landmarker(given: Option<&Path>) -> Result<(Landmarker, String)> {
    match pretrained(given) {
        Some(model) => Ok((Landmarker::from_pretrained(model)?, name_of(model))),
        None => {
            let path = given.unwrap_or(Path::new(""));
            let landmarker = Landmarker::load(path).with_context(not_found(path))?;
            Ok((landmarker, path.display().to_string()))
        }
    }
}

/// The help text of options that name a model.
pub fn model_help() -> String {
    format!(
        "A model file, or the name of a pretrained model: {}",
        names()
    )
}

/// The pretrained model that is meant, if it is one: a file of the same name has precedence.
fn pretrained(given: Option<&Path>) -> Option<Pretrained> {
    let Some(path) = given else {
        return Some(Pretrained::default());
    };
    let name = path.to_str().filter(|_| !path.exists())?;
    match name {
        "pretrained" => Some(Pretrained::default()),
        name => Pretrained::by_name(name),
    }
}

fn names() -> String {
    let names: Vec<&str> = Pretrained::ALL.iter().map(|model| model.name()).collect();
    names.join(", ")
}

fn name_of(model: Pretrained) -> String {
    format!("the pretrained model `{}`", model.name())
}

fn not_found(path: &Path) -> impl FnOnce() -> String {
    let message = match path.exists() {
        true => "cannot load the model".to_owned(),
        false => format!(
            "`{}` is neither a file nor a pretrained model ({})",
            path.display(),
            names()
        ),
    };
    || message
}
