//! A training run: configuration, data and model description.

use crate::{
    DataSource, LabelTransform, RunConfig, RunNotes, TrainingData, digest, open_for_training,
};
use anyhow::Result;
use candle_core::Device;
use fkp_augment::PixelsOnly;
use fkp_core::{Augment, Metric, OutputSpec, Task};
use fkp_data::Mosaic;
use fkp_metrics::{AveragePrecision, MatchRule};
use fkp_model::ModelCard;
use fkp_train::{Trainer, TrainingSource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A configuration, its data, and the description of the model to train.
pub struct TrainingRun {
    /// The configuration, with the detected data format.
    pub config: RunConfig,
    /// The data.
    pub data: TrainingData,
    /// The description of the model.
    pub card: ModelCard,
    augment: Box<dyn Augment>,
}

impl TrainingRun {
    /// Opens the data and describes the model.
    pub fn open(mut config: RunConfig) -> Result<Self> {
        config.validate()?;
        let mut data = open_for_training(&config.data, &config.input)?;
        if config.data.mosaic > 0.0 {
            let mosaic = Mosaic::new(data.train, config.data.mosaic, config.train.seed);
            data.train = Arc::new(mosaic);
        }
        config.check_face_score(data.face_regions)?;
        config.data.format = data.format.map(|format| format.to_string());
        for (source, opened) in config.data.sources.iter_mut().zip(&data.sources) {
            source.format = opened.format.map(|format| format.to_string());
        }
        let augment = config.augment.compile(&data.schema)?;
        let augment: Box<dyn Augment> = match config.data.labels {
            LabelTransform::WithImage => Box::new(augment),
            LabelTransform::Unchanged => Box::new(PixelsOnly(augment)),
        };
        let mut card = ModelCard::new(config.network.clone(), data.schema.clone(), config.input);
        card.task = Task {
            crop: data.crop.clone(),
            output: config.output,
            ..card.task
        };
        let sources = data.sources.iter().map(DataSource::summary);
        RunNotes::of(&config, sources.collect()).write(&mut card)?;
        Ok(Self {
            config,
            data,
            card,
            augment,
        })
    }

    /// Whether the model is a face detector.
    pub fn detects_faces(&self) -> bool {
        matches!(self.config.output, OutputSpec::Boxes { .. })
    }

    /// The trainer of the run, without a folder to save to.
    pub fn trainer(&self, device: &Device) -> Result<Trainer<'_>> {
        let config = self.config.train.clone();
        let trainer = Trainer::on(device, &self.card, config, |vb| self.card.network(vb))?;
        let trainer = trainer.augment(&*self.augment);
        let trainer = match self.detects_faces() {
            true => trainer.metrics(&detection_metrics),
            false => trainer,
        };
        let trainer = match &self.data.sampler {
            Some(sampler) => trainer.sampler(sampler),
            None => trainer,
        };
        let trained = self.data.sources.iter();
        let trained = trained.filter(|source| source.samples_per_epoch > 0);
        let sources: Vec<TrainingSource> = trained
            .map(|source| TrainingSource {
                name: source.name.clone(),
                samples: source.samples,
            })
            .collect();
        Ok(match sources.len() {
            0 | 1 => trainer,
            _ => trainer.sources(sources),
        })
    }

    /// Everything that must be unchanged to resume the run: augmentation, preparation and contents
    /// of the data.
    pub fn fingerprint(&self) -> Result<BTreeMap<String, String>> {
        let mut without_path = self.config.data.clone();
        without_path.path = None;
        for source in &mut without_path.sources {
            source.path = None;
        }
        let entry = |key: &str, value: String| (key.to_owned(), value);
        Ok(BTreeMap::from([
            entry("augment", toml::to_string(&self.config.augment)?),
            entry("data", toml::to_string(&without_path)?),
            entry(
                "training set",
                digest(&self.data.representative, "training")?,
            ),
            entry("selection set", digest(&self.data.selection, "selection")?),
        ]))
    }
}

/// The metrics of face detection: average precision from 16 px on.
fn detection_metrics() -> Vec<Box<dyn Metric>> {
    let rule = MatchRule {
        min_height_px: 16.0,
        ..MatchRule::default()
    };
    vec![Box::new(AveragePrecision::new(rule))]
}
