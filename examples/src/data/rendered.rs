//! Rendered faces as training and evaluation data.

use super::boxes;
use super::evaluated::EvaluatedKeypoints;
use super::part::Part;
use super::rendered_scenes;
use super::rendered_seeds::RenderedSeeds;
use super::source::{Source, TrainingData};
use crate::{DataConfig, RenderedConfig, RenderedFaces, SelectionPart};
use anyhow::{Context, Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema, Subset};
use fkp_data::{BoxSource, Cached, Cropped, Mapped};
use fkp_model::ModelCard;
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces};
use std::sync::Arc;

pub(super) fn for_training(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    if let Some(format) = &config.format {
        bail!("the format `{format}` is given, but no data to read in it");
    }
    if let Some(corrections) = &config.corrections {
        let file = corrections.display();
        bail!("the corrections `{file}` are given, but no data to correct");
    }
    if boxes::are_learned(config) {
        return rendered_scenes::for_training(config, input);
    }
    let labels = labels_of(&config.schema)?;
    let schema = labels.schema();
    let rendered = &config.rendered;
    let &RenderedConfig {
        train, validation, ..
    } = rendered;
    let of = |count| Counts::of(rendered, count);
    let seeds = RenderedSeeds::of(rendered);
    let selection = seeds.choosing(config.selection.part);
    let what = match config.selection.part {
        SelectionPart::Carved => "to choose the best epoch on",
        SelectionPart::Validation => "to validate on",
    };
    let description = format!(
        "rendered faces{}, seed {}: {train} to train on{}, {validation} {what}, each of a different person{}",
        of_distribution(rendered),
        seeds.train,
        match rendered.faces {
            RenderedFaces::Fixed => "",
            RenderedFaces::NewEachEpoch => " in each epoch, new ones each time",
        },
        match [of(train), of(validation)].map(|counts| counts.non_faces) {
            [0, _] => String::new(),
            [train, validation] =>
                format!("; {train} and {validation} images that are not those of a face"),
        }
    );
    let (train, representative) = match rendered.faces {
        RenderedFaces::Fixed => {
            let faces = cached(rendered, train, seeds.train, labels, input)?;
            (Arc::clone(&faces), faces)
        }
        RenderedFaces::NewEachEpoch => new_each_epoch(rendered, seeds.train, labels, input)?,
    };
    Ok(TrainingData {
        train,
        representative,
        selection: cached(rendered, validation, selection, labels, input)?,
        crop: CropRule::for_schema(&schema),
        schema,
        format: None,
        selected_on: config.selection.part,
        source: Source {
            name: "rendered".to_owned(),
            description,
        },
        face_regions: false,
        sources: Vec::new(),
        sampler: None,
    })
}

/// The labels of rendered faces for the keypoints that a configuration names.
fn labels_of(schema: &str) -> Result<KeypointSet> {
    if schema == "source" {
        return Ok(KeypointSet::default());
    }
    let set = Schema::by_name(schema).and_then(|schema| set_of(&schema));
    set.with_context(|| other_keypoints(schema))
}

/// The labels of rendered faces with the keypoints of a schema.
///
/// # Errors
/// If rendered faces have other keypoints.
pub fn rendered_keypoints(schema: &Schema) -> Result<KeypointSet> {
    set_of(schema).with_context(|| other_keypoints(schema.name()))
}

fn other_keypoints(schema: &str) -> String {
    format!("rendered faces have the keypoints of `kaggle15` or `ibug68`, not `{schema}`")
}

/// The labels with these keypoints.
fn set_of(schema: &Schema) -> Option<KeypointSet> {
    let mut sets = KeypointSet::ALL.into_iter();
    sets.find(|set| set.schema() == *schema)
}

/// Numbers of images of a part.
#[derive(Clone, Copy)]
struct Counts {
    faces: usize,
    non_faces: usize,
}

impl Counts {
    /// This many faces, and images that are not as the configuration has them.
    fn of(config: &RenderedConfig, faces: usize) -> Self {
        Self {
            faces,
            non_faces: (faces as f64 * config.non_faces).round() as usize,
        }
    }
}

/// This many faces of the configuration, and images that are not.
fn faces(
    config: &RenderedConfig,
    count: usize,
    seed: u64,
    keypoints: KeypointSet,
    input: &InputSpec,
) -> Result<SynthFaces> {
    let counts = Counts::of(config, count);
    Ok(SynthFaces::new(SynthConfig {
        size: input.size,
        count: counts.faces,
        non_faces: counts.non_faces,
        seed,
        keypoints,
        faces: config.distribution.clone(),
        ..SynthConfig::default()
    })?)
}

fn cached(
    config: &RenderedConfig,
    count: usize,
    seed: u64,
    labels: KeypointSet,
    input: &InputSpec,
) -> Result<Arc<dyn Dataset>> {
    let faces = faces(config, count, seed, labels, input)?;
    Ok(Arc::new(Cached::new(faces)))
}

/// What the description says of a distribution.
fn of_distribution(config: &RenderedConfig) -> &'static str {
    match config.has_other_distribution() {
        true => " with data.rendered.distribution",
        false => "",
    }
}

/// Of faces that are new in each epoch, this many represent the training samples.
const REPRESENTATIVE: usize = 1000;

/// Faces to train on, none of which is kept in memory, and some that represent them.
fn new_each_epoch(
    config: &RenderedConfig,
    seed: u64,
    labels: KeypointSet,
    input: &InputSpec,
) -> Result<(Arc<dyn Dataset>, Arc<dyn Dataset>)> {
    let counts = Counts::of(config, config.train);
    let faces = faces(config, config.train, seed, labels, input)?.new_each_epoch();
    let some = |count: usize| 0..count.min(REPRESENTATIVE);
    let non_faces = some(counts.non_faces).map(|index| counts.faces + index);
    let first = Subset::new(faces.clone(), some(counts.faces).chain(non_faces).collect())?;
    Ok((Arc::new(faces), Arc::new(Cached::new(first))))
}

pub(super) fn for_evaluation(
    card: &ModelCard,
    evaluated: &EvaluatedKeypoints,
    part: Part,
    config: &RenderedConfig,
    boxes: BoxSource,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let task = &card.task;
    let Some(labels) = set_of(&task.schema) else {
        bail!(
            "the model has `{}` keypoints, rendered faces those of `kaggle15` or `ibug68`: name a data \
             set with --data",
            task.schema.name()
        );
    };
    let seeds = RenderedSeeds::of(config);
    let (count, seed) = match part {
        Part::Train => (config.train, seeds.train),
        Part::Selection => (config.validation, seeds.selection),
        Part::Val => (config.validation, seeds.val),
        Part::All | Part::OfTrain(_) => {
            bail!("rendered faces are unlimited: choose train, selection or val with --split")
        }
    };
    let counts = Counts::of(config, count);
    let faces = cached(config, count, seed, labels, &task.input)?;
    let faces: Arc<dyn Dataset> = match &evaluated.map {
        None => faces,
        Some(map) => Arc::new(Mapped::new(faces, map.clone())),
    };
    let dataset: Arc<dyn Dataset> = match boxes {
        BoxSource::Labels => faces,
        // The image is the crop: another box moves it within its own borders.
        boxes => {
            let crops = Cropped::new(faces, CropRule::Whole, task.input);
            Arc::new(Cached::new(crops.with_box_source(boxes)))
        }
    };
    let mut description = format!(
        "rendered faces{}, seed {seed}, split `{part}`: {count} samples",
        of_distribution(config)
    );
    if counts.non_faces > 0 {
        description += &format!(
            " and {} images that are not those of a face",
            counts.non_faces
        );
    }
    let name = "rendered".to_owned();
    Ok((dataset, Source { name, description }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_those_of_the_distribution() {
        let usual = DataConfig::default();
        let mut frontal = usual.clone();
        frontal.rendered.distribution.pose.yaw_degrees.0 = 0.0;
        let of = |config: &DataConfig| {
            let data = for_training(config, &InputSpec::gray(32)).unwrap();
            let images = [data.train, data.selection].map(|set| set.get(0).unwrap().image);
            (images, data.source.description)
        };
        let [(usual, usually), (frontal, described)] = [&usual, &frontal].map(of);
        assert!(usual[0] != frontal[0] && usual[1] != frontal[1]);
        assert!(
            described.contains("data.rendered.distribution"),
            "{described}"
        );
        assert!(!usually.contains("distribution"), "{usually}");
    }
}
