//! Images with the boxes of their faces, for training a face detector.

use super::filtered::{filtered, filtered_as_in_training};
use super::part::{Part, Parts, part_of};
use super::source::{Source, TrainingData, corrections_of, format_of, short_name};
use crate::{DataConfig, RunNotes};
use anyhow::{Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema, Subset};
use fkp_data::{Cached, Cropped, FaceRegions, Fitted, OpenOptions, OpenedDataset};
use fkp_model::ModelCard;
use std::path::Path;
use std::sync::Arc;

/// Whether a configuration is that of a face detector.
pub(super) fn are_learned(config: &DataConfig) -> bool {
    config.schema == Schema::boxes().name()
}

/// Photographs are kept in their own size up to this number of bytes.
const MAX_CACHED_BYTES: usize = 2 << 30;

/// Opens the data at the path of a configuration. Images are trained on in their own size, which the
/// augmentation crops; those that choose the best epoch are reduced to fit into the input.
pub(super) fn open_single(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    let Some(path) = &config.path else {
        bail!("data.path: there is none");
    };
    let options = OpenOptions {
        format: format_of(config.format.as_deref())?,
        far_labels: config.far_labels.into(),
        split_rule: config.split,
        corrections: corrections_of(config.corrections.as_deref())?,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(path, &options)?;
    if *opened.complete.schema() != Schema::boxes() {
        bail!(
            "{}: this data has keypoints and no boxes of faces (schema `{}`)",
            path.display(),
            opened.complete.schema().name()
        );
    }
    let opened = filtered(opened, config.filter.as_ref(), &Schema::boxes())?;
    let parts = Parts::of(&opened, &config.division())?;
    let part = |indices: &[usize]| Subset::new(opened.complete.clone(), indices.to_vec());
    let summary = opened.summary(&parts.shown(config.selection.part));
    let description = format!("{}\n{summary}", path.display());
    let train = Cached::new(part(&parts.train)?).with_limit(MAX_CACHED_BYTES);
    let train: Arc<dyn Dataset> = Arc::new(train);
    Ok(TrainingData {
        representative: Arc::clone(&train),
        train,
        selection: Arc::new(Cached::new(Fitted::new(part(&parts.selection)?, *input))),
        schema: Schema::boxes(),
        crop: CropRule::Whole,
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

/// The height of the smallest faces that a face score learns from, in pixels.
const MIN_REGION_PX: f64 = 20.0;

/// The crops of the faces of photographs with boxes, and of as many other regions, for the face score of a
/// model of keypoints.
pub(super) fn face_regions(
    opened: OpenedDataset,
    config: &DataConfig,
    input: &InputSpec,
    schema: Schema,
) -> Result<TrainingData> {
    let opened = filtered(opened, config.filter.as_ref(), &Schema::boxes())?;
    let parts = Parts::of(&opened, &config.division())?;
    let rule = CropRule::for_schema(&schema);
    let regions = |indices: &[usize]| -> Result<(Arc<dyn Dataset>, usize)> {
        let photographs = Subset::new(opened.complete.clone(), indices.to_vec())?;
        let regions = FaceRegions::new(photographs, schema.clone(), MIN_REGION_PX)?;
        let count = regions.len();
        let crops = Cropped::new(regions, rule.clone(), *input);
        Ok((Arc::new(Cached::new(crops)), count))
    };
    let (train, count) = regions(&parts.train)?;
    let (selection, selection_count) = regions(&parts.selection)?;
    let path = config.path.clone().unwrap_or_default();
    let description = format!(
        "{}\n{}for the face score: {count} and {selection_count} faces and other regions",
        path.display(),
        opened.summary(&parts.shown(config.selection.part))
    );
    Ok(TrainingData {
        representative: Arc::clone(&train),
        train,
        selection,
        schema,
        crop: rule,
        format: Some(opened.format),
        selected_on: config.selection.part,
        source: Source {
            name: short_name(&path),
            description,
        },
        face_regions: true,
        sources: Vec::new(),
        sampler: None,
    })
}

/// Opens images with boxes to evaluate a detector on, in their own size. The split comes from the
/// model file.
pub fn open_boxes_for_evaluation(
    card: &ModelCard,
    path: &Path,
    format: Option<&str>,
    part: Part,
    corrections: Option<&Path>,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let notes = RunNotes::read(card)?;
    let options = OpenOptions {
        format: format_of(format)?,
        far_labels: notes.far_labels.into(),
        split_rule: notes.split,
        corrections: corrections_of(corrections)?,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(path, &options)?;
    let opened = filtered_as_in_training(opened, part, &notes, &Schema::boxes())?;
    for note in &opened.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    if *opened.complete.schema() != Schema::boxes() {
        bail!(
            "{}: this data has keypoints and no boxes of faces",
            path.display()
        );
    }
    let indices = part_of(&opened, part, &notes)?;
    let description = format!(
        "{} ({}), split `{part}`: {} images",
        path.display(),
        opened.format,
        indices.len()
    );
    let samples = Subset::new(opened.complete.clone(), indices)?;
    let name = short_name(path);
    Ok((Arc::new(samples), Source { name, description }))
}
