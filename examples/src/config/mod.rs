//! The configuration file of a run.

mod division;
mod renamed;
mod rendered;
mod sources;

pub use division::{CrossValidation, Division, Selection, SelectionPart, Stratify};
pub use rendered::{RenderedConfig, RenderedFaces, read_distribution, read_distribution_of_crops};
pub use sources::SourceConfig;

use anyhow::{Context, Result, bail};
use fkp_augment::Recipe;
use fkp_core::{InputSpec, OutputSpec, Schema};
use fkp_data::{FarLabels, SampleFilter, SplitRule};
use fkp_model::NetworkConfig;
use fkp_train::TrainConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The complete configuration of a run. Every run writes it, with all defaults filled in, to
/// `config.toml` in its folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// The model whose weights the training starts from: a file, or the name of a pretrained one;
    /// random weights if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// The training data.
    pub data: DataConfig,
    /// The input of the network.
    pub input: InputSpec,
    /// The meaning of the network's output: `coordinates`, `coordinates_with_scale`, `heatmap` or
    /// `soft_argmax`.
    pub output: OutputSpec,
    /// The network.
    pub network: NetworkConfig,
    /// The augmentation of training images.
    pub augment: Recipe,
    /// Loss, optimizer, schedule and the training loop.
    pub train: TrainConfig,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            init: None,
            data: DataConfig::default(),
            input: InputSpec::gray(96),
            output: OutputSpec::Coordinates,
            network: NetworkConfig::default(),
            augment: Recipe::tutorial(),
            train: TrainConfig::default(),
        }
    }
}

/// The data set and how its samples are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// File or folder; rendered faces if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Several data sets in place of `path`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceConfig>,
    /// The name of a [`fkp_data::Format`]; detected from the content if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// A file of samples to exclude and labels to correct, such as `inspect --fix` writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrections: Option<PathBuf>,
    /// The keypoints to learn: `kaggle15`, `ibug68`, `aflw21`, `wflw98`, `source` (those of the
    /// data), or a TOML file that describes the data's own.
    pub schema: String,
    /// How crops are cut out of the images.
    pub crop: CropChoice,
    /// Which samples of the files are used; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<SampleFilter>,
    /// The split of a data set that has none of its own.
    pub split: SplitRule,
    /// The fold that is the validation part in place of a fraction, in a data set without a split of
    /// its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<CrossValidation>,
    /// What has the same share in all parts that are split at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratify: Option<Stratify>,
    /// The samples on which the best epoch is chosen.
    pub selection: Selection,
    /// What to do with labels far outside their image.
    pub far_labels: FarLabelChoice,
    /// Whether augmentation transforms the labels.
    pub labels: LabelTransform,
    /// The probability that an image with boxes is set beside three others, for training a face
    /// detector.
    #[serde(skip_serializing_if = "is_zero")]
    pub mosaic: f64,
    /// The rendered faces that are used without a path.
    pub rendered: RenderedConfig,
}

impl DataConfig {
    /// Whether some of the training samples are rendered.
    pub fn renders(&self) -> bool {
        match &self.sources[..] {
            [] => self.path.is_none(),
            sources => sources.iter().any(|source| source.rendered.is_some()),
        }
    }

    /// The files and folders of the data.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let sources = self
            .sources
            .iter()
            .filter_map(|source| source.path.as_ref());
        self.path.iter().chain(sources)
    }

    /// How the samples are divided into parts.
    pub fn division(&self) -> Division {
        Division {
            split: self.split,
            cross_validation: self.cross_validation,
            stratify: self.stratify,
            selection: self.selection,
        }
    }

    /// Refuses what selects and divides the samples of files, if it is invalid or there are none.
    fn validate_division(&self) -> Result<()> {
        self.split.validate().context("data.split")?;
        self.division().validate()?;
        if let Some(filter) = &self.filter {
            filter.validate().context("data.filter")?;
        }
        let of_files = [
            ("filter", self.filter.is_some()),
            ("cross_validation", self.cross_validation.is_some()),
            ("stratify", self.stratify.is_some()),
        ];
        let has_files = self.paths().next().is_some();
        match of_files.into_iter().find(|(_, is_given)| *is_given) {
            Some((field, _)) if !has_files => {
                bail!("data.{field} is for data in files, not for rendered faces")
            }
            _ => Ok(()),
        }
    }

    fn validate_sources(&self) -> Result<()> {
        for (field, is_given) in [
            ("data.path", self.path.is_some()),
            ("data.format", self.format.is_some()),
            ("data.corrections", self.corrections.is_some()),
        ] {
            if is_given && !self.sources.is_empty() {
                bail!("{field}: with `data.sources`, it belongs to each of them");
            }
        }
        sources::validate(&self.sources)
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: None,
            sources: Vec::new(),
            format: None,
            corrections: None,
            schema: "kaggle15".to_owned(),
            crop: CropChoice::Auto,
            filter: None,
            split: SplitRule::default(),
            cross_validation: None,
            stratify: None,
            selection: Selection::default(),
            far_labels: FarLabelChoice::Refuse,
            labels: LabelTransform::WithImage,
            mosaic: 0.0,
            rendered: RenderedConfig::default(),
        }
    }
}

/// What to do with a label that is farther outside its image than the image is large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FarLabelChoice {
    /// An error that names file, row and column.
    #[default]
    Refuse,
    /// List them and treat them as unlabeled.
    Unlabel,
}

impl FarLabelChoice {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<FarLabelChoice> for FarLabels {
    fn from(choice: FarLabelChoice) -> Self {
        match choice {
            FarLabelChoice::Refuse => Self::Refuse,
            FarLabelChoice::Unlabel => Self::Unlabel,
        }
    }
}

/// How crops are cut out of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropChoice {
    /// Aligned to the mean shape of the schema, if it has one and the images are not crops already.
    Auto,
    /// The whole image.
    Whole,
}

/// Whether augmentation transforms the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelTransform {
    /// Together with the image, as is correct.
    WithImage,
    /// Not at all, as in the Keras tutorial, whose generator transforms only the image. For
    /// measuring what that costs.
    Unchanged,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl RunConfig {
    /// The tutorial's configuration, the default with data.
    pub const TUTORIAL: &'static str = include_str!("../../configs/tutorial.toml");

    /// The default without data: rendered faces.
    pub const RENDERED: &'static str = include_str!("../../configs/rendered.toml");

    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot read the configuration", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Parses a configuration. Unknown keys are refused with name and line, keys of earlier
    /// versions with their new name.
    pub fn parse(text: &str) -> Result<Self> {
        renamed::check(text)?;
        Ok(toml::from_str(text)?)
    }

    /// Refuses invalid values, naming the field.
    pub fn validate(&self) -> Result<()> {
        if let Some(problem) = self.input.problem() {
            bail!("{problem}");
        }
        if let Some(problem) = self.output.problem() {
            bail!("{problem}");
        }
        self.validate_boxes()?;
        self.augment.validate().context("augment")?;
        self.train.validate()?;
        self.data.validate_division()?;
        self.data.validate_sources()?;
        self.data.rendered.validate()?;
        let non_faces = self.data.rendered.non_faces;
        let has_faces = self.data.renders() && self.data.schema != Schema::boxes().name();
        if self.data.rendered.has_other_distribution() && !has_faces {
            bail!("data.rendered.distribution is for rendered faces, and this run has none");
        }
        if self.data.renders() && non_faces > 0.0 && !self.output.has_face_score() {
            bail!("data.rendered.non_faces is for an output with face_score");
        }
        // Of files it is known when they are open.
        if self.data.paths().next().is_none() {
            self.check_face_score(false)?;
        }
        Ok(())
    }

    /// Refuses what belongs to a face detector without the rest of it.
    fn validate_boxes(&self) -> Result<()> {
        let has_boxes = matches!(self.output, OutputSpec::Boxes { .. });
        if has_boxes != (self.data.schema == Schema::boxes().name()) {
            bail!("data.schema = \"boxes\" and the output `boxes` belong together");
        }
        let mosaic = self.data.mosaic;
        if !(0.0..=1.0).contains(&mosaic) {
            bail!("data.mosaic must be between 0 and 1, got {mosaic}");
        }
        if mosaic > 0.0 && !has_boxes {
            bail!("data.mosaic is for images with boxes, not for keypoints");
        }
        Ok(())
    }

    /// Checks that a face score learns from faces and from other images. `face_regions` says whether some of
    /// the data are regions of photographs.
    pub(crate) fn check_face_score(&self, face_regions: bool) -> Result<()> {
        let non_faces = self.data.renders() && self.data.rendered.non_faces > 0.0;
        match self.output.has_face_score() {
            true if !non_faces && !face_regions => bail!(
                "output.face_score needs images that are not those of a face: train on rendered faces \
                 with data.rendered.non_faces, or on photographs with boxes of faces"
            ),
            false if face_regions => bail!(
                "data with boxes and without keypoints is for a face detector (schema `boxes`), or for a \
                 model of keypoints whose output has face_score"
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_is_the_tutorial_file() {
        let tutorial = RunConfig::parse(RunConfig::TUTORIAL).unwrap();
        let mut default = RunConfig::default();
        // The file spells out the default loss.
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
    fn unknown_keys_and_invalid_values_are_refused_by_name() {
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
        assert!(refused("[data]\nmosaic = 1.5").contains("data.mosaic must be between"));
        assert!(refused("[data]\nmosaic = 0.5").contains("data.mosaic is for images with boxes"));
        assert!(
            refused("[input]\nsize = 96\nchannels = 2\nmean = 0\nstd = 1")
                .contains("input.channels")
        );
    }
}
