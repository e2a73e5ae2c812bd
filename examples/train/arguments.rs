//! The command line of `train`.

use anyhow::{Result, bail, ensure};
use clap::Parser;
use fkp_examples::{
    CommunicatorChoice, DataConfig, DeviceChoice, FarLabelChoice, RenderedFaces, RunConfig,
    SelectionPart, SourceConfig, format_help, model_file,
};
use fkp_model::ModelFile;
use std::path::{Path, PathBuf};

/// Train a keypoint network. Without --data it trains on rendered faces.
#[derive(Parser)]
#[command(after_long_help = SCHEMA_HELP)]
pub(crate) struct Arguments {
    /// File or folder with annotated images, or `rendered:N` for N rendered faces; rendered faces if
    /// absent. May be given several times to train on all of them.
    #[arg(long)]
    pub(crate) data: Vec<PathBuf>,
    /// Proportions in which an epoch mixes the sources of --data, in their order, such as 2,1. A
    /// source with 0 only takes part in choosing the best epoch. If absent, an epoch has every
    /// sample once.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) weights: Vec<f64>,
    /// Render new faces for each epoch, so that no face is seen twice, in place of the same ones.
    #[arg(long)]
    pub(crate) new_faces: bool,
    #[arg(long, help = format_help())]
    pub(crate) format: Option<String>,
    /// Samples to exclude and labels to correct: a file such as `inspect --fix` writes, for one data
    /// set.
    #[arg(long)]
    pub(crate) corrections: Option<PathBuf>,
    /// Keypoints to train: kaggle15 (default), ibug68, aflw21, wflw98, source (those of the data), or
    /// a TOML file; --help shows one.
    #[arg(long)]
    pub(crate) schema: Option<String>,
    /// Samples on which the best epoch is chosen: carved (a tenth of the training part, by person or image)
    /// or validation.
    #[arg(long)]
    pub(crate) select_on: Option<SelectionChoice>,
    /// Treat labels farther outside the image than its size as unlabeled and list them, instead
    /// of refusing the data.
    #[arg(long)]
    pub(crate) list_far_labels: bool,
    /// A TOML file; see examples/configs.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
    /// Start from the weights of a model: a file, or `pretrained`. Weights of another shape, such as
    /// those of other keypoints, start at random. Without --config, network, input and output are
    /// those of the model.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) init: Option<PathBuf>,
    /// Passes over the training set. May also be changed when resuming, unless the learning rate
    /// depends on it.
    #[arg(long)]
    pub(crate) epochs: Option<usize>,
    /// Samples per step.
    #[arg(long)]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) lr: Option<f64>,
    /// Seed of everything random.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Folder to write to; runs/NAME-NNN if absent.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) out: Option<PathBuf>,
    /// Also write the best model to this file, with two bytes per weight and with its standard
    /// deviations calibrated on the samples that chose the best epoch.
    #[arg(long)]
    pub(crate) export: Option<PathBuf>,
    /// Folder of a run to resume. The result is the same as without the interruption.
    #[arg(long)]
    pub(crate) resume: Option<PathBuf>,
    /// Resume although settings or data changed, and print the differences.
    #[arg(long = "override", requires = "resume")]
    pub(crate) override_: bool,
    /// Run a learning-rate range test instead of training; writes lr_finder.png and lr_finder.csv.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) find_lr: bool,
    /// Number of threads; all cores if absent. Does not change the result.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Device. cuda and metal need a build with the feature of that name.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(crate) device: DeviceChoice,
    /// How the processes of a run communicate: none if there is one. mpi needs a build with the feature
    /// of that name, and `mpirun -n 4` before the program.
    #[arg(long, value_enum, default_value = "none", conflicts_with = "find_lr")]
    pub(crate) communicator: CommunicatorChoice,
}

/// Help on schema files.
const SCHEMA_HELP: &str = "\
A schema file for --schema, here for four keypoints of a hand:

    name = \"hand4\"
    keypoints = [\"wrist\", \"palm\", \"thumb_left\", \"thumb_right\"]
    flip_pairs = [[\"thumb_left\", \"thumb_right\"]]   # [] if there are none; without it, no flips
    skeleton = [[\"wrist\", \"palm\"]]                # lines to draw

    [[normalizing_pair]]                           # errors are divided by its length
    name = \"palm\"
    from = [\"wrist\"]
    to = [\"palm\"]

docs/training.md explains each key.";

/// [`SelectionPart`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SelectionChoice {
    /// A part of the training part.
    Carved,
    /// The validation part.
    Validation,
}

impl From<SelectionChoice> for SelectionPart {
    fn from(choice: SelectionChoice) -> Self {
        match choice {
            SelectionChoice::Carved => Self::Carved,
            SelectionChoice::Validation => Self::Validation,
        }
    }
}

/// How a run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first epoch.
    New,
    /// At the checkpoint of the folder in `--resume`.
    Resume,
    /// At that checkpoint, with changed settings or data.
    Override,
}

impl Arguments {
    pub(crate) fn start(&self) -> Start {
        match (&self.resume, self.override_) {
            (None, _) => Start::New,
            (Some(_), false) => Start::Resume,
            (Some(_), true) => Start::Override,
        }
    }

    /// The given settings that a resumed run otherwise takes from its folder.
    fn settings(&self) -> Vec<&'static str> {
        let given = [
            ("--data", !self.data.is_empty()),
            ("--weights", !self.weights.is_empty()),
            ("--new-faces", self.new_faces),
            ("--format", self.format.is_some()),
            ("--corrections", self.corrections.is_some()),
            ("--schema", self.schema.is_some()),
            ("--config", self.config.is_some()),
            ("--select-on", self.select_on.is_some()),
            ("--list-far-labels", self.list_far_labels),
            ("--batch-size", self.batch_size.is_some()),
            ("--lr", self.lr.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        let named = given.into_iter().filter(|(_, given)| *given);
        named.map(|(name, _)| name).collect()
    }

    /// Refuses settings together with `--resume`, unless `--override` allows them.
    pub(crate) fn check(&self) -> Result<()> {
        let settings = self.settings();
        if let (Some(_), false, [setting, ..]) = (&self.resume, self.override_, &settings[..]) {
            bail!(
                "{setting} is a setting of the run in --resume: leave it out, or change it with --override"
            );
        }
        Ok(())
    }

    /// Replaces the data of a configuration by the sources of the command line, if there are some.
    fn set_sources(&self, data: &mut DataConfig, given: Vec<SourceConfig>) -> Result<()> {
        if !given.is_empty() {
            (data.path, data.format, data.sources) = (None, None, Vec::new());
            data.corrections = None;
        }
        match &given[..] {
            [] => {}
            // One data set is not a mixture.
            [single] if self.weights.is_empty() => {
                data.path.clone_from(&single.path);
                data.rendered.train = single.rendered.unwrap_or(data.rendered.train);
            }
            _ => data.sources = given,
        }
        if !self.weights.is_empty() {
            let (weights, sources) = (self.weights.len(), data.sources.len());
            ensure!(
                weights == sources,
                "--weights: {weights} weights for {sources} sources of --data"
            );
            for (source, weight) in data.sources.iter_mut().zip(&self.weights) {
                source.weight = Some(*weight);
            }
        }
        if self.format.is_some() && !data.sources.is_empty() {
            bail!(
                "--format is for one data set: with several, write `[[data.sources]]` in --config"
            );
        }
        if self.corrections.is_some() {
            ensure!(
                data.sources.is_empty(),
                "--corrections is for one data set: with several, write `[[data.sources]]` in --config"
            );
            data.corrections.clone_from(&self.corrections);
        }
        // A run can be resumed from another folder.
        let sources = data
            .sources
            .iter_mut()
            .flat_map(|source| source.path.iter_mut().chain(&mut source.corrections));
        let own = data.path.iter_mut().chain(&mut data.corrections);
        for path in own.chain(sources) {
            *path = std::path::absolute(&*path)?;
        }
        Ok(())
    }

    /// Sets the model to start from, and, unless there is a configuration file, its network.
    fn set_init(&self, config: &mut RunConfig) -> Result<()> {
        let Some(init) = &self.init else {
            return Ok(());
        };
        if self.config.is_none() {
            let (ModelFile { card, .. }, _) = model_file(Some(init))?;
            config.network = card.network;
            // Without a configuration there are no images to train a face score on.
            let output = card.task.output.without_face_score();
            (config.input, config.output) = (card.task.input, output);
            // The loss of the tutorial may not go with the output.
            config.train.loss = None;
        }
        config.init = Some(match init.is_file() {
            true => std::path::absolute(init)?,
            false => init.clone(),
        });
        Ok(())
    }

    /// The configuration file, overridden by the command line.
    pub(crate) fn resolve(&self) -> Result<RunConfig> {
        let given = self
            .data
            .iter()
            .map(|path| SourceConfig::from_argument(path));
        let given: Vec<SourceConfig> = given.collect::<Result<_>>()?;
        let has_path = given.iter().any(|source| source.path.is_some());
        let mut config = match (&self.resume, &self.config) {
            (_, Some(file)) => RunConfig::read(file)?,
            (Some(folder), None) => RunConfig::read(&folder.join("config.toml"))?,
            (None, None) if has_path => RunConfig::parse(RunConfig::TUTORIAL)?,
            (None, None) => RunConfig::parse(RunConfig::RENDERED)?,
        };
        self.set_init(&mut config)?;
        self.set_sources(&mut config.data, given)?;
        if self.new_faces {
            let renders = config.data.renders();
            ensure!(
                renders,
                "--new-faces is for rendered faces: add --data rendered:N"
            );
            config.data.rendered.faces = RenderedFaces::NewEachEpoch;
        }
        if let Some(format) = &self.format {
            config.data.format = Some(format.clone());
        }
        if let Some(schema) = &self.schema {
            config.data.schema.clone_from(schema);
        }
        if Path::new(&config.data.schema).is_file() {
            let file = std::path::absolute(&config.data.schema)?;
            config.data.schema = file.display().to_string();
        }
        if let Some(part) = self.select_on {
            config.data.selection.part = part.into();
        }
        if self.list_far_labels {
            config.data.far_labels = FarLabelChoice::Unlabel;
        }
        config.train.epochs = self.epochs.unwrap_or(config.train.epochs);
        config.train.batch_size = self.batch_size.unwrap_or(config.train.batch_size);
        config.train.learning_rate = self.lr.unwrap_or(config.train.learning_rate);
        config.train.seed = self.seed.unwrap_or(config.train.seed);
        Ok(config)
    }
}
