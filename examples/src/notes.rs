//! What a model file records about its training run.

use crate::{
    CrossValidation, Division, FarLabelChoice, RenderedConfig, RunConfig, Selection, Stratify,
};
use anyhow::{Context, Result};
use fkp_data::{SampleFilter, SplitRule};
use fkp_model::ModelCard;
use fkp_train::Loss;
use serde::{Deserialize, Serialize};

/// What an evaluation needs besides the model: which samples were held out, and the loss. Stored in
/// the notes of the model file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNotes {
    /// The loss; the default of the output if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// The data sets that the model was trained on, if there were several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The fold that was the validation part in place of a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<CrossValidation>,
    /// What has the same share in all parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratify: Option<Stratify>,
    /// Which samples of the data were used; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<SampleFilter>,
    /// What was done with labels far outside their image.
    #[serde(skip_serializing_if = "FarLabelChoice::is_default")]
    pub far_labels: FarLabelChoice,
    /// The split of a data set that has none of its own.
    pub split: SplitRule,
    /// The samples on which the best epoch was chosen.
    pub selection: Selection,
    /// The rendered faces, if the model was trained on them.
    pub rendered: RenderedConfig,
}

impl RunNotes {
    const KEY: &'static str = "run";

    /// The notes of a run on these sources, if there are several.
    pub fn of(config: &RunConfig, sources: Vec<String>) -> Self {
        Self {
            loss: config.train.loss,
            sources,
            cross_validation: config.data.cross_validation,
            stratify: config.data.stratify,
            filter: config.data.filter.clone(),
            far_labels: config.data.far_labels,
            split: config.data.split,
            selection: config.data.selection,
            rendered: config.data.rendered.clone(),
        }
    }

    /// How the samples were divided into parts.
    pub fn division(&self) -> Division {
        Division {
            split: self.split,
            cross_validation: self.cross_validation,
            stratify: self.stratify,
            selection: self.selection,
        }
    }

    /// Writes the notes into a card.
    pub fn write(&self, card: &mut ModelCard) -> Result<()> {
        card.notes
            .insert(Self::KEY.to_owned(), toml::to_string(self)?);
        Ok(())
    }

    /// Reads the notes of a card; the defaults if it has none.
    pub fn read(card: &ModelCard) -> Result<Self> {
        let text = card.notes.get(Self::KEY);
        let read = text.map_or(Ok(Self::default()), |text| toml::from_str(text));
        read.context("cannot read the notes of the training run in the model file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_train::loss::{Mae, SoftWing, Wing};

    #[test]
    fn notes_survive_a_round_trip() {
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
        let mut rendered = RenderedConfig::default();
        rendered.distribution.pose.yaw_degrees.0 = 5.0;
        let notes = RunNotes {
            cross_validation: Some(CrossValidation { folds: 5, fold: 2 }),
            stratify: Some(Stratify::Labels),
            rendered,
            far_labels: FarLabelChoice::Unlabel,
            filter: Some(SampleFilter {
                min_face_px: Some(40.0),
                ..SampleFilter::default()
            }),
            ..RunNotes::default()
        };
        let text = toml::to_string(&notes).unwrap();
        assert_eq!(toml::from_str::<RunNotes>(&text).unwrap(), notes, "{text}");
        let text = "loss = \"wing\"";
        let loss = toml::from_str::<RunNotes>(text).unwrap().loss;
        assert_eq!(loss, Some(Wing::default().into()));
    }
}
