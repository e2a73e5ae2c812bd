//! What a model file remembers of the run that made it.

use crate::{RenderedConfig, RunConfig, Selection};
use anyhow::{Context, Result};
use fkp_data::SplitRule;
use fkp_model::ModelCard;
use fkp_train::Loss;
use serde::{Deserialize, Serialize};

/// What an evaluation needs besides the model: on which samples it was not trained, and in which
/// unit its loss is. Kept in the model file, so that nobody has to say it again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNotes {
    /// What was minimized; the default of the output where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How a set without a split of its own was split.
    pub split: SplitRule,
    /// What the best epoch was chosen on.
    pub selection: Selection,
    /// The rendered faces, if it was trained on those.
    pub rendered: RenderedConfig,
}

impl RunNotes {
    const KEY: &'static str = "run";

    /// The notes of a run.
    pub fn of(config: &RunConfig) -> Self {
        Self {
            loss: config.train.loss,
            split: config.data.split,
            selection: config.data.selection,
            rendered: config.data.rendered,
        }
    }

    /// Writes the notes into a card.
    pub fn write(&self, card: &mut ModelCard) -> Result<()> {
        card.notes
            .insert(Self::KEY.to_owned(), toml::to_string(self)?);
        Ok(())
    }

    /// The notes in a card; the defaults where it was made by another program.
    pub fn read(card: &ModelCard) -> Result<Self> {
        let text = card.notes.get(Self::KEY);
        let read = text.map_or(Ok(Self::default()), |text| toml::from_str(text));
        read.context("the model file's notes of its run cannot be read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_train::loss::{Mae, SoftWing, Wing};

    #[test]
    fn a_loss_with_parameters_comes_back() {
        for loss in [
            Loss::from(Mae),
            Wing::default().into(),
            SoftWing::default().into(),
        ] {
            let notes = RunNotes {
                loss: Some(loss),
                ..RunNotes::default()
            };
            let text = toml::to_string(&notes).unwrap();
            assert_eq!(toml::from_str::<RunNotes>(&text).unwrap(), notes, "{text}");
        }
        let text = "loss = \"wing\"";
        let loss = toml::from_str::<RunNotes>(text).unwrap().loss;
        assert_eq!(loss, Some(Wing::default().into()));
    }
}
