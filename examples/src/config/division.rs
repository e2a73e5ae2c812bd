//! How the samples of a data set are divided into parts.

use anyhow::{Result, ensure};
use fkp_data::SplitRule;
use serde::{Deserialize, Serialize};

/// One fold of a cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossValidation {
    /// Number of folds.
    pub folds: usize,
    /// The fold that is the validation part, from 1.
    pub fold: usize,
}

/// What has the same share in all parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stratify {
    /// The number of labels of an image: labeled keypoints, or boxes.
    Labels,
    /// The attributes of an image, all together.
    Attributes,
}

/// The samples that choose the best epoch and control early stopping and plateau schedules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Which samples.
    pub part: SelectionPart,
    /// The fraction of the training part that is carved out.
    pub fraction: f64,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            part: SelectionPart::Carved,
            fraction: 0.1,
        }
    }
}

/// The part of the data set on which the best epoch is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionPart {
    /// A fraction of the training part, split by person or image. The validation part is left for
    /// the final evaluation with `evaluate`.
    Carved,
    /// The validation part, as in the Keras tutorial. Metrics on it are then optimistic.
    Validation,
}

/// How the samples of a data set are divided into a training, a selection and a validation part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Division {
    /// The split of a data set that has none of its own.
    pub split: SplitRule,
    /// The fold that is the validation part in place of a fraction.
    pub cross_validation: Option<CrossValidation>,
    /// What has the same share in all parts.
    pub stratify: Option<Stratify>,
    /// The samples on which the best epoch is chosen.
    pub selection: Selection,
}

impl Division {
    /// Refuses invalid values, naming the field.
    pub(super) fn validate(&self) -> Result<()> {
        let fraction = self.selection.fraction;
        ensure!(
            fraction > 0.0 && fraction < 1.0,
            "data.selection.fraction must be between 0 and 1, got {fraction}"
        );
        let Some(CrossValidation { folds, fold }) = self.cross_validation else {
            return Ok(());
        };
        ensure!(
            folds >= 2,
            "data.cross_validation.folds must be at least 2, got {folds}"
        );
        ensure!(
            (1..=folds).contains(&fold),
            "data.cross_validation.fold must be in 1..={folds}, got {fold}"
        );
        ensure!(
            self.stratify.is_none(),
            "data.stratify: the folds of data.cross_validation are not stratified; leave one out"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::RunConfig;

    #[test]
    fn folds_and_filters_are_read_and_contradictions_are_refused_by_name() {
        let parse = |text: &str| {
            let config = RunConfig::parse(&format!("[data]\npath = 'x'\n{text}"))?;
            config.validate().map(|()| config)
        };
        for text in [
            "cross_validation = { folds = 5, fold = 5 }",
            "stratify = 'attributes'",
            "filter = { min_labeled = 4, duplicates = 'keep_first' }",
        ] {
            let config = parse(text).unwrap();
            let resolved = toml::to_string(&config).unwrap();
            assert_eq!(RunConfig::parse(&resolved).unwrap(), config, "{resolved}");
        }
        let refused = |text: &str| format!("{:#}", parse(text).unwrap_err());
        let text = refused("cross_validation = { folds = 1, fold = 1 }");
        assert!(text.contains("data.cross_validation.folds"), "{text}");
        for fold in ["0", "6"] {
            let text = refused(&format!(
                "cross_validation = {{ folds = 5, fold = {fold} }}"
            ));
            assert!(
                text.contains("cross_validation.fold must be in 1..=5"),
                "{text}"
            );
        }
        assert!(refused("cross_validation = { folds = 5 }").contains("fold"));
        assert!(refused("stratify = 'source'").contains("labels"));
        let text = refused("stratify = 'labels'\ncross_validation = { folds = 5, fold = 1 }");
        assert!(text.contains("data.stratify"), "{text}");
        let text = refused("filter = { min_face_px = nan }");
        assert!(
            text.contains("data.filter") && text.contains("min_face_px"),
            "{text}"
        );
        assert!(refused("filter = { min_labels = 4 }").contains("min_labels"));
        for text in [
            "filter = { min_labeled = 4 }",
            "stratify = 'labels'",
            "cross_validation = { folds = 5, fold = 1 }",
        ] {
            let rendered = RunConfig::parse(&format!("[data]\n{text}")).unwrap();
            let error = rendered.validate().unwrap_err().to_string();
            assert!(error.contains("rendered faces"), "{error}");
        }
    }
}
