//! The samples of a data set that a filter keeps.

use super::part::Part;
use super::source::map_onto;
use crate::RunNotes;
use anyhow::{Context, Result, ensure};
use fkp_core::{Schema, SchemaMap};
use fkp_data::{Filtered, Mapped, OpenedDataset, SampleFilter, filter};

/// The samples that a filter keeps, by their keypoints of the trained schema; all without a filter.
/// A note says how many were removed.
pub(super) fn filtered(
    opened: OpenedDataset,
    wanted: Option<&SampleFilter>,
    schema: &Schema,
) -> Result<OpenedDataset> {
    let Some(wanted) = wanted else {
        return Ok(opened);
    };
    let samples = opened.complete.clone();
    let found = match samples.schema() == schema {
        true => filter(&samples, wanted),
        false => {
            let map = map_onto(samples.schema(), schema)?;
            filter(&Mapped::new(samples, map), wanted)
        }
    };
    let Filtered { kept, removed, .. } = found.context("data.filter")?;
    ensure!(!kept.is_empty(), "data.filter: {removed}; none are left");
    let mut selected = opened.select(&kept)?;
    selected.notes.push(format!("data.filter: {removed}"));
    Ok(selected)
}

/// The samples of a part to evaluate a model on: filtered as in its training, so that the parts are
/// the same. All samples of a data set are not filtered, nor is data that cannot have been trained
/// on, because it does not have the keypoints of the model.
pub(super) fn filtered_as_in_training(
    opened: OpenedDataset,
    part: Part,
    notes: &RunNotes,
    schema: &Schema,
) -> Result<OpenedDataset> {
    let own = opened.complete.schema();
    let is_possible = own == schema || SchemaMap::between(own, schema).is_ok();
    let wanted = notes.filter.as_ref();
    let wanted = wanted.filter(|_| is_possible && part != Part::All);
    filtered(opened, wanted, schema)
}
