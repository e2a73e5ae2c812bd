//! An opened data set, and what both training and evaluation need to open one.

use crate::SelectionPart;
use anyhow::Result;
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap};
use fkp_data::{Cropped, Format, Mapped};
use std::path::Path;
use std::sync::Arc;

/// Crops to train on and crops to choose the best epoch on, each decoded once and kept.
pub struct TrainingData {
    /// What is trained on.
    pub train: Arc<dyn Dataset>,
    /// What the loop validates on, and so chooses the best epoch on.
    pub selection: Arc<dyn Dataset>,
    /// The keypoints of both.
    pub schema: Schema,
    /// The format that was found; `None` for rendered faces.
    pub format: Option<Format>,
    /// The crop rule that a model trained on them is to carry.
    pub crop: CropRule,
    /// Which samples [`Self::selection`] are.
    pub selected_on: SelectionPart,
    /// Where they come from, for people.
    pub source: Source,
}

/// Where samples come from.
pub struct Source {
    /// A short name, for a run's folder.
    pub name: String,
    /// What a person should read before a training, in a few lines.
    pub description: String,
}

pub(super) fn format_of(name: Option<&str>) -> Result<Option<Format>> {
    Ok(name.map(str::parse::<Format>).transpose()?)
}

pub(super) fn map_onto(source: &Schema, target: &Schema) -> Result<SchemaMap> {
    Ok(SchemaMap::between(source, target)?)
}

pub(super) fn cropped(
    samples: Arc<dyn Dataset>,
    format: Format,
    map: &SchemaMap,
    rule: &CropRule,
    input: &InputSpec,
) -> Cropped<Mapped<Arc<dyn Dataset>>> {
    // Kaggle's images are the crops that the rule describes.
    let rule = match format {
        Format::Kaggle => CropRule::Whole,
        _ => rule.clone(),
    };
    Cropped::new(Mapped::new(samples, map.clone()), rule, *input)
}

pub(super) fn short_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_file = absolute.is_file();
    let named = match (is_file, absolute.parent()) {
        (true, Some(folder)) => folder.file_name(),
        _ => absolute.file_name(),
    };
    named.map_or("data".to_owned(), |name| {
        name.to_string_lossy().into_owned()
    })
}
