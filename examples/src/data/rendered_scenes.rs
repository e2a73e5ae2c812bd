//! Rendered scenes as the data of a face detector.

use super::rendered_seeds::RenderedSeeds;
use super::source::{Source, TrainingData};
use crate::{DataConfig, RenderedFaces};
use anyhow::{Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema};
use fkp_data::{Cached, Fitted};
use fkp_synth::camera::Channels;
use fkp_synth::{SceneConfig, SynthScenes};
use std::sync::Arc;

/// Sides of the rendered scenes in sides of the input, so that crops of them differ.
const SCENE: f64 = 1.5;

/// Rendered scenes.
pub(super) fn for_training(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    let rendered = &config.rendered;
    if rendered.faces == RenderedFaces::NewEachEpoch {
        bail!("data.rendered.faces: rendered scenes are the same in all epochs");
    }
    let scenes = |count, seed| -> Result<SynthScenes> {
        Ok(SynthScenes::new(SceneConfig {
            size: (input.size as f64 * SCENE) as usize,
            count,
            seed,
            channels: match input.channels {
                1 => Channels::Gray,
                _ => Channels::Rgb,
            },
            ..SceneConfig::default()
        })?)
    };
    let seeds = RenderedSeeds::of(rendered);
    let train = scenes(rendered.train, seeds.train)?;
    let train: Arc<dyn Dataset> = Arc::new(Cached::new(train));
    let selection = seeds.choosing(config.selection.part);
    let selection = scenes(rendered.validation, selection)?;
    Ok(TrainingData {
        representative: Arc::clone(&train),
        train,
        selection: Arc::new(Cached::new(Fitted::new(selection, *input))),
        schema: Schema::boxes(),
        crop: CropRule::Whole,
        format: None,
        selected_on: config.selection.part,
        source: Source {
            name: "rendered".to_owned(),
            description: format!(
                "rendered scenes, seed {}: {} to train on, {} to choose the best epoch on",
                rendered.seed, rendered.train, rendered.validation
            ),
        },
        face_regions: false,
        sources: Vec::new(),
        sampler: None,
    })
}
