//! The data that a model is evaluated on.

use super::evaluated::EvaluatedKeypoints;
use super::filtered::filtered_as_in_training;
use super::part::{Part, part_of};
use super::rendered;
use super::source::{
    Source, cached, corrections_of, cropped, format_of, map_onto, open_as, short_name,
};
use crate::{RunNotes, progress_bar};
use anyhow::{Context, Result};
use fkp_core::{Dataset, Schema, Subset};
use fkp_data::{BoxSource, Cropped, Mapped, OpenOptions};
use fkp_model::ModelCard;
use std::path::Path;
use std::sync::Arc;

/// Opens data to evaluate a model on. Crop rule, input and split come from the model file, so that
/// `--split val` never contains training samples.
pub fn open_for_evaluation(
    card: &ModelCard,
    evaluated: &EvaluatedKeypoints,
    path: Option<&Path>,
    format: Option<&str>,
    part: Part,
    boxes: BoxSource,
    corrections: Option<&Path>,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let notes = RunNotes::read(card)?;
    let Some(path) = path else {
        return rendered::for_evaluation(card, evaluated, part, &notes.rendered, boxes);
    };
    let schema = &evaluated.schema;
    let builtin = Schema::by_name(schema.name()).is_some();
    let options = OpenOptions {
        format: format_of(format)?,
        schema: (!builtin).then(|| schema.clone()),
        far_labels: notes.far_labels.into(),
        split_rule: notes.split,
        corrections: corrections_of(corrections)?,
        progress: progress_bar("reading"),
        ..OpenOptions::default()
    };
    let opened = open_as(path, options, schema.name())?;
    let opened = filtered_as_in_training(opened, part, &notes, &card.task.schema)?;
    for note in &opened.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    let indices = part_of(&opened, part, &notes)?;
    let (place, found, count) = (path.display(), opened.format, indices.len());
    let samples = Subset::new(opened.complete.clone(), indices)?;
    let map = map_onto(samples.schema(), schema).context(
        "this data does not have the keypoints of the model; if its keypoints follow from them, \
             name them with --schema, such as --schema kaggle15",
    )?;
    let description = format!("{place} ({found}), split `{part}`: {count} samples");
    let samples: Arc<dyn Dataset> = Arc::new(samples);
    let input = &card.task.input;
    let crops = match &evaluated.map {
        None => cropped(&opened, samples, &map, &evaluated.crop, input),
        // Images that are crops by another rule, like those of Kaggle, are cropped again.
        Some(_) => Cropped::new(Mapped::new(samples, map), evaluated.crop.clone(), *input),
    };
    let dataset = cached(&opened, crops.with_box_source(boxes), input);
    let name = short_name(path);
    Ok((dataset, Source { name, description }))
}
