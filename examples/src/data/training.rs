//! A file or folder as the data of a training run.

use super::boxes;
use super::filtered::filtered;
use super::part::Parts;
use super::source::{
    Source, TrainingData, cached, corrections_of, cropped, format_of, map_onto, open_as, short_name,
};
use crate::{CropChoice, DataConfig, progress_bar};
use anyhow::{Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap, Subset};
use fkp_data::{OpenOptions, OpenedDataset};
use std::sync::Arc;

/// Opens the data at the path of a configuration.
pub(super) fn open_single(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    if boxes::are_learned(config) {
        return boxes::open_single(config, input);
    }
    let Some(path) = &config.path else {
        bail!("data.path: there is none");
    };
    let (target, own) = schemas(&config.schema)?;
    let options = OpenOptions {
        format: format_of(config.format.as_deref())?,
        schema: own,
        far_labels: config.far_labels.into(),
        split_rule: config.split,
        corrections: corrections_of(config.corrections.as_deref())?,
        progress: progress_bar("reading"),
        ..OpenOptions::default()
    };
    let opened = open_as(path, options, &config.schema)?;
    let target = target.unwrap_or_else(|| opened.complete.schema().clone());
    if *opened.complete.schema() == Schema::boxes() {
        return boxes::face_regions(opened, config, input, target);
    }
    let opened = filtered(opened, config.filter.as_ref(), &target)?;
    let rule = match config.crop {
        CropChoice::Auto => CropRule::for_schema(&target),
        CropChoice::Whole => CropRule::Whole,
    };
    let parts = Parts::of(&opened, &config.division())?;
    let map = map_onto(opened.complete.schema(), &target)?;
    let crops = |indices: &[usize]| -> Result<Arc<dyn Dataset>> {
        let part = Subset::new(opened.complete.clone(), indices.to_vec())?;
        let crops = cropped(&opened, Arc::new(part), &map, &rule, input);
        Ok(cached(&opened, crops, input))
    };
    let summary = opened.summary(&parts.shown(config.selection.part));
    let description = format!(
        "{}\n{summary}{}",
        path.display(),
        describe_map(&opened, &map)
    );
    let train = crops(&parts.train)?;
    Ok(TrainingData {
        representative: Arc::clone(&train),
        train,
        selection: crops(&parts.selection)?,
        schema: target,
        crop: rule,
        format: Some(opened.format),
        selected_on: config.selection.part,
        source: Source {
            name: short_name(path),
            description: description.trim_end().to_owned(),
        },
        face_regions: false,
        sources: Vec::new(),
        sampler: None,
    })
}

/// The schema to train (`None` for that of the data), and the schema of the files if it is
/// user-defined.
fn schemas(choice: &str) -> Result<(Option<Schema>, Option<Schema>)> {
    if choice == "source" {
        return Ok((None, None));
    }
    let schema = fkp_data::schema_from(choice)?;
    let own = Schema::by_name(choice).is_none().then(|| schema.clone());
    Ok((Some(schema), own))
}

/// Describes the map onto the trained schema; empty if it is the identity.
fn describe_map(opened: &OpenedDataset, map: &SchemaMap) -> String {
    let (source, target) = (opened.complete.schema(), map.target());
    if source == target {
        return String::new();
    }
    let missing: Vec<&str> = map.unmapped().collect();
    let without = match missing.is_empty() {
        true => String::new(),
        false => format!("; not in the data, so unlabeled: {}", missing.join(", ")),
    };
    format!("mapped onto: {}{without}\n", target.name())
}
