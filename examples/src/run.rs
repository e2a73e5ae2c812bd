//! A training run: configuration, data and model description.

use crate::{LabelTransform, RunConfig, RunNotes, TrainingData, digest, open_for_training};
use anyhow::Result;
use candle_core::Device;
use fkp_augment::PixelsOnly;
use fkp_core::{Augment, Task};
use fkp_model::ModelCard;
use fkp_train::Trainer;
use std::collections::BTreeMap;

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
        let notes = RunNotes::of(&config);
        let data = open_for_training(&config.data, &config.input)?;
        config.data.format = data.format.map(|format| format.to_string());
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
        notes.write(&mut card)?;
        Ok(Self {
            config,
            data,
            card,
            augment,
        })
    }

    /// The trainer of the run, without a folder to save to.
    pub fn trainer(&self, device: &Device) -> Result<Trainer<'_>> {
        let config = self.config.train.clone();
        let trainer = Trainer::on(device, &self.card, config, |vb| self.card.network(vb))?;
        Ok(trainer.augment(&*self.augment))
    }

    /// Everything that must be unchanged to resume the run: augmentation, preparation and contents
    /// of the data.
    pub fn fingerprint(&self) -> Result<BTreeMap<String, String>> {
        let mut without_path = self.config.data.clone();
        without_path.path = None;
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
