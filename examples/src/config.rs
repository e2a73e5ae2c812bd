//! The configuration file of a run.

use anyhow::{Context, Result, bail};
use fkp_augment::Recipe;
use fkp_core::{InputSpec, OutputSpec};
use fkp_data::{FarLabels, SplitRule};
use fkp_model::NetworkConfig;
use fkp_train::TrainConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that decides a run. `config.toml` in a run's folder is this, completely filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// What is learned from.
    pub data: DataConfig,
    /// How images are fed.
    pub input: InputSpec,
    /// What the network's output means: `coordinates`, `coordinates_with_scale`, `heatmap` or
    /// `soft_argmax`.
    pub output: OutputSpec,
    /// The network.
    pub network: NetworkConfig,
    /// How training images are varied.
    pub augment: Recipe,
    /// The training recipe.
    pub train: TrainConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            data: DataConfig::default(),
            input: InputSpec::gray(96),
            output: OutputSpec::Coordinates,
            network: NetworkConfig::default(),
            augment: Recipe::tutorial(),
            train: TrainConfig::default(),
        }
    }
}

/// Where samples come from and how they are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// File or folder; rendered faces if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// `kaggle`, `image-csv`, `pts` or `coco`; recognized by looking if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The keypoints to learn: `kaggle15`, `ibug68`, `aflw21`, `source` (those of the data), or a
    /// TOML file that describes the data's own.
    pub schema: String,
    /// How faces are cut out.
    pub crop: CropChoice,
    /// How a set without a split of its own is split.
    pub split: SplitRule,
    /// What the best epoch is chosen on.
    pub selection: Selection,
    /// What happens to labels far outside their image.
    pub far_labels: FarLabelChoice,
    /// Whether augmentation moves the labels.
    pub labels: LabelMotion,
    /// The rendered faces, where there is no path.
    pub rendered: RenderedConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: None,
            format: None,
            schema: "kaggle15".to_owned(),
            crop: CropChoice::Auto,
            split: SplitRule::default(),
            selection: Selection::default(),
            far_labels: FarLabelChoice::Refuse,
            labels: LabelMotion::WithPixels,
            rendered: RenderedConfig::default(),
        }
    }
}

/// What the best epoch, early stopping and schedules are chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Which samples.
    pub part: SelectionPart,
    /// How much of the training part is carved out for it.
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

/// Which samples the best epoch is chosen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionPart {
    /// A part of the training part, by person or image: the validation part stays for reporting,
    /// and `evaluate` alone opens it.
    Carved,
    /// The validation part, as in the Keras tutorial: what is then reported on it has chosen its
    /// own epoch.
    Validation,
}

/// What happens to a label that is further outside its image than the image is large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FarLabelChoice {
    /// The data is refused, with file, row and column.
    Refuse,
    /// They are listed, and taken as unlabeled.
    Unlabel,
}

impl From<FarLabelChoice> for FarLabels {
    fn from(choice: FarLabelChoice) -> Self {
        match choice {
            FarLabelChoice::Refuse => Self::Refuse,
            FarLabelChoice::Unlabel => Self::Unlabel,
        }
    }
}

/// How faces are cut out of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropChoice {
    /// MeanShape by the keypoints, if the schema says how and the images are not crops already.
    Auto,
    /// The whole image.
    Whole,
}

/// Whether augmentation moves the labels along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelMotion {
    /// As it has to be.
    WithPixels,
    /// As the tutorial had it: Keras' generator moved the pixels alone. Only good for measuring
    /// what that costs.
    StayBehind,
}

/// How many faces are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RenderedConfig {
    /// Faces to train on.
    pub train: usize,
    /// Faces to choose the best epoch on, and as many to report on: other people each.
    pub validation: usize,
    /// Seed of the people.
    pub seed: u64,
}

impl Default for RenderedConfig {
    fn default() -> Self {
        Self {
            train: 4000,
            validation: 500,
            seed: 0,
        }
    }
}

impl RunConfig {
    /// The tutorial's recipe, which is the default with data.
    pub const TUTORIAL: &'static str = include_str!("../configs/tutorial.toml");

    /// The default without data.
    pub const RENDERED: &'static str = include_str!("../configs/rendered.toml");

    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot read the configuration", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Parses a configuration; unknown keys are refused by name and line.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// Refuses what makes no sense, naming the field.
    pub fn validate(&self) -> Result<()> {
        if let Some(problem) = self.input.problem() {
            bail!("{problem}");
        }
        if let Some(problem) = self.output.problem() {
            bail!("{problem}");
        }
        self.augment.validate().context("augment")?;
        self.train.validate()?;
        self.data.split.validate().context("data.split")?;
        let fraction = self.data.selection.fraction;
        if !(fraction > 0.0 && fraction < 1.0) {
            bail!("data.selection.fraction must be between 0 and 1, got {fraction}");
        }
        for (field, count) in [
            ("train", self.data.rendered.train),
            ("validation", self.data.rendered.validation),
        ] {
            if !(1..=10_000_000).contains(&count) {
                bail!("data.rendered.{field} must be in 1..=10000000, got {count}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_files_are_what_they_say() {
        let tutorial = RunConfig::parse(RunConfig::TUTORIAL).unwrap();
        let mut default = RunConfig::default();
        // What the default of the output is written out there.
        default.train.loss = Some(fkp_train::loss::Mae.into());
        assert_eq!(tutorial, default);
        tutorial.validate().unwrap();
        RunConfig::parse(RunConfig::RENDERED)
            .unwrap()
            .validate()
            .unwrap();
    }

    #[test]
    fn a_resolved_configuration_reads_back() {
        let config = RunConfig::default();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(RunConfig::parse(&text).unwrap(), config);
    }

    #[test]
    fn unknown_keys_and_nonsense_are_refused_by_name() {
        let refused = |text: &str| {
            let parsed = RunConfig::parse(text).and_then(|config| config.validate());
            format!("{:#}", parsed.unwrap_err())
        };
        let text = refused("[train]\nepochs = 3\nlearning_rat = 1e-3");
        assert!(
            text.contains("learning_rat") && text.contains("line 3"),
            "{text}"
        );
        assert!(refused("[augment]\nrotate = 3").contains("rotate"));
        assert!(refused("[network]\nkind = 'cnn'\nfoo = 1").contains("foo"));
        assert!(refused("[train]\nlearning_rate = nan").contains("learning_rate"));
        assert!(refused("[train]\nbatch_size = 0").contains("batch_size"));
        assert!(refused("[augment]\nzoom = nan").contains("zoom"));
        assert!(refused("[data.split]\nval_fraction = 1.5").contains("val_fraction"));
        assert!(
            refused("[input]\nsize = 96\nchannels = 2\nmean = 0\nstd = 1")
                .contains("input.channels")
        );
    }
}
