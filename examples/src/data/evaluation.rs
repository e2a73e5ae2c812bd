//! The data that a model is evaluated on.

use super::part::{Part, Parts, carve};
use super::rendered;
use super::source::{Source, cropped, format_of, map_onto, short_name};
use crate::RunNotes;
use anyhow::{Context, Result};
use fkp_core::{Dataset, Schema, Subset};
use fkp_data::{BoxSource, Cached, OpenOptions};
use fkp_model::ModelCard;
use std::path::Path;
use std::sync::Arc;

/// Opens data to evaluate a model on. Schema, crop rule, input and split come from the model file,
/// so that `--split val` never contains training samples.
pub fn open_for_evaluation(
    card: &ModelCard,
    path: Option<&Path>,
    format: Option<&str>,
    part: Part,
    boxes: BoxSource,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let notes = RunNotes::read(card)?;
    let Some(path) = path else {
        return rendered::for_evaluation(card, part, &notes.rendered, boxes);
    };
    let task = &card.task;
    let builtin = Schema::by_name(task.schema.name()).is_some();
    let options = OpenOptions {
        format: format_of(format)?,
        schema: (!builtin).then(|| task.schema.clone()),
        split_rule: notes.split,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(path, &options)?;
    for note in &opened.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    let parts = || Parts::of(&opened, &notes.split, &notes.selection);
    let indices = match part {
        Part::All => (0..opened.complete.len()).collect(),
        Part::Train => parts()?.train,
        Part::Selection => parts()?.selection,
        Part::Val => opened.train_val()?.indices.val,
        Part::OfTrain(rule) => carve(&opened, &opened.train_val()?.indices.train, &rule)?.val,
    };
    let (place, found, count) = (path.display(), opened.format, indices.len());
    let samples = Subset::new(opened.complete.clone(), indices)?;
    let map = map_onto(samples.schema(), &task.schema)
        .context("this data does not have the keypoints of the model")?;
    let description = format!("{place} ({found}), split `{part}`: {count} samples");
    let crops = cropped(Arc::new(samples), found, &map, &task.crop, &task.input);
    let dataset = Arc::new(Cached::new(crops.with_box_source(boxes)));
    let name = short_name(path);
    Ok((dataset, Source { name, description }))
}
