//! Trains a keypoint network, on rendered faces or on your own data.
//!
//! ```text
//! cargo run --release --example train
//! cargo run --release --example train -- --data training.zip --epochs 20
//! cargo run --release --example train -- --resume runs/rendered-001
//! cargo run --release --example train -- --resume runs/rendered-001 --override --lr 1e-4
//! cargo run --release --example train -- --find-lr
//! ```

use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::Parser;
use fkp_augment::PixelsOnly;
use fkp_core::{Augment, Dataset};
use fkp_examples::{
    DataConfig, DeviceChoice, Interrupt, LabelMotion, Prepared, Report, RunConfig, RunNotes, digest,
    finish, fresh_folder, open_for_training, say, table, use_threads, write_report, write_text,
};
use fkp_metrics::{Evaluation, EvaluationReport, MeanFace};
use fkp_model::{Landmarker, ModelCard, Network};
use fkp_train::observers::{
    CsvHistory, Curves, EarlyLook, JsonLines, Look, PointErrors, PointOrder, Progress, TensorBoard,
};
use fkp_train::plots::{Cell, contact_sheet, plot_learning_rates, save_picture};
use fkp_train::{
    Checkpoints, Codec, Coordinates, Evaluator, Fit, LearningRateFinder, Observers, Params, Stopped,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Train a keypoint network. Without data it learns from rendered faces.
#[derive(Parser)]
struct Arguments {
    /// File or folder with annotated pictures; rendered faces if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// kaggle, image-csv, pts or coco; recognised by looking if absent.
    #[arg(long)]
    format: Option<String>,
    /// Keypoints to learn: kaggle15 (default), ibug68, aflw21, source, or a TOML file.
    #[arg(long)]
    schema: Option<String>,
    /// A TOML file; see examples/configs.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Passes over the training set. May also be changed when resuming, unless the learning rate
    /// depends on it.
    #[arg(long)]
    epochs: Option<usize>,
    /// Samples per step.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Learning rate.
    #[arg(long, allow_hyphen_values = true)]
    lr: Option<f64>,
    /// Seed of everything random.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder to write to; runs/NAME-NNN if absent.
    #[arg(long, conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Folder of a run to go on with. The result is that of a run that was never stopped.
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Resume although settings or data changed; what differs is told.
    #[arg(long = "override", requires = "resume")]
    override_: bool,
    /// Make a learning-rate range test instead of training; lr_finder.png and .csv show it.
    #[arg(long, conflicts_with = "resume")]
    find_lr: bool,
    /// Threads to compute with; all cores if absent. Does not change the result.
    #[arg(long)]
    threads: Option<usize>,
    /// Where to compute. cuda and metal need a build with the feature of that name.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceChoice,
}

impl Arguments {
    /// Settings that a resumed run takes from its folder, unless told to override them.
    fn settings(&self) -> Vec<&'static str> {
        let given = [
            ("--data", self.data.is_some()),
            ("--format", self.format.is_some()),
            ("--schema", self.schema.is_some()),
            ("--config", self.config.is_some()),
            ("--batch-size", self.batch_size.is_some()),
            ("--lr", self.lr.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        let named = given.into_iter().filter(|(_, given)| *given);
        named.map(|(name, _)| name).collect()
    }
}

fn main() -> ExitCode {
    finish(train(&Arguments::parse()))
}

fn train(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    if let (true, false, [setting, ..]) = (
        arguments.resume.is_some(),
        arguments.override_,
        arguments.settings().as_slice(),
    ) {
        bail!(
            "{setting} is a setting that the run in --resume already has: leave it out, or change it with --override"
        );
    }
    let device = arguments.device.open()?;
    let mut config = resolve(arguments)?;
    config.validate()?;
    let data = open_for_training(&config.data, &config.input)?;
    config.data.format = data.format.map(|format| format.to_string());
    say!("data: {}", data.source.description);

    let mut card = ModelCard {
        crop: data.crop.clone(),
        ..ModelCard::new(config.network.clone(), data.schema.clone(), config.input)
    };
    RunNotes::of(&config).write(&mut card)?;
    let params = Params::new(config.train.seed, &device);
    let network = Network::new(
        &card.network,
        &card.input,
        card.schema.len(),
        params.builder(),
    )?;
    let codec = Coordinates::new(config.input.frame(), config.train.loss);
    let parameters = params.named().iter().map(|(_, var)| var.elem_count()).sum();
    say!("network: {parameters} parameters");

    let augment = augmentation(&config, &data)?;
    let sets: (&dyn Dataset, &dyn Dataset) = (&data.train, &data.validation);
    let fit = Fit {
        augment: &augment,
        ..Fit::new(&network, &params, &codec, config.input, sets, &config.train)
    };
    if arguments.find_lr {
        return find_learning_rate(&fit, arguments.out.as_deref());
    }

    let folder = match &arguments.resume {
        Some(folder) => folder.clone(),
        None => fresh_folder(arguments.out.as_deref(), &data.source.name)?,
    };
    say!("writing to {}", folder.display());
    let metadata = [(ModelCard::KEY.to_owned(), card.to_metadata()?)].into();
    let mut checkpoints = Checkpoints::new(&folder, metadata);
    checkpoints.fingerprint = fingerprint(&config, &data)?;
    let fit = Fit {
        checkpoints: Some(&checkpoints),
        ..fit
    };
    let resolved = toml::to_string(&config)?;
    match (&arguments.resume, arguments.override_) {
        (None, _) => write_text(&folder.join("config.toml"), &resolved)?,
        (Some(_), false) => {}
        (Some(_), true) => {
            for difference in fit.differences()? {
                say!("overridden: {difference}");
            }
            write_text(&folder.join("config.toml"), &resolved)?;
        }
    }
    let mut interrupt = Interrupt::listen()?;
    let look = Look::default();
    let mut progress = Progress::new();
    let mut history = CsvHistory::new(folder.join("history.csv"));
    let mut events = JsonLines::new(folder.join("history.jsonl"));
    let mut board = TensorBoard::new(&folder).with_look(look);
    let mut curves = Curves::new(folder.join("curves.png"));
    let mut points = PointErrors::new(folder.join("point_errors.png"));
    let mut early = EarlyLook::new(&folder, look);
    let mut observers = Observers(vec![
        &mut progress,
        &mut history,
        &mut events,
        &mut board,
        &mut curves,
        &mut points,
        &mut early,
        &mut interrupt,
    ]);
    let outcome = match (&arguments.resume, arguments.override_) {
        (None, _) => fit.run(&mut observers)?,
        (Some(_), false) => fit.resume(&mut observers)?,
        (Some(_), true) => fit.resume_overriding(&mut observers)?,
    };
    drop(observers);
    let records = &outcome.progress.history;
    // Once more, for a run that was killed between its last checkpoint and these.
    CsvHistory::write(&folder.join("history.csv"), records)?;
    Curves::draw(&folder.join("curves.png"), records)?;
    events.catch_up(records);
    let drawn = [curves.finish(), points.finish(), early.finish()];
    let written = [history.finish(), events.finish(), board.finish()];
    drawn
        .into_iter()
        .chain(written)
        .collect::<Result<(), _>>()?;
    write_text(&folder.join("config.toml"), &resolved)?;
    let (epochs, steps) = (outcome.progress.epochs_done, outcome.progress.steps_done);
    let why = match outcome.stopped {
        Stopped::ByObserver => "stopped",
        Stopped::TimeUp => "the time is up",
        Stopped::Early => {
            say!("stopped early: validation no longer improves");
            ""
        }
        Stopped::Finished => "",
    };
    if !why.is_empty() {
        say!(
            "{why} after {epochs} epochs and {steps} steps; go on with --resume {}",
            folder.display()
        );
        return Ok(());
    }

    let (evaluation, overlay) = judge(&checkpoints.best(), &data, &codec, config.train.batch_size)?;
    save_picture(&folder.join("overlay.png"), &overlay)?;
    let points = folder.join("point_errors.png");
    PointErrors::draw(&points, &evaluation, PointOrder::WorstFirst)?;
    let mean_face = score_mean_face(&data, &codec)?;
    let report = Report {
        data: &data.source.description,
        parameters,
        progress: &outcome.progress,
        seconds: records.iter().map(|record| record.seconds).sum(),
        samples_per_second: median(records.iter().map(|record| record.samples_per_second)),
        evaluation: &evaluation,
        mean_face: &mean_face,
    };
    write_report(&folder, &report)?;
    say!(
        "\nbest weights on the validation set:\n{}",
        table(&evaluation)
    );
    let mean = mean_face.mae_px.unwrap_or(f64::NAN);
    say!(
        "\nthe mean face has a MAE of {mean:.3} px; report: {}",
        folder.join("report.md").display()
    );
    Ok(())
}

/// A learning-rate range test in place of a training.
fn find_learning_rate(fit: &Fit<'_>, out: Option<&Path>) -> Result<()> {
    let curve = fit.find_learning_rate(&LearningRateFinder::default())?;
    let folder = out.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot create the folder", folder.display()))?;
    let path = folder.join("lr_finder.csv");
    let mut rows = csv::Writer::from_path(&path)?;
    for point in &curve.points {
        rows.serialize(point)?;
    }
    rows.flush()
        .with_context(|| format!("{}: cannot write", path.display()))?;
    match curve.suggestion {
        Some(rate) => say!("suggested learning rate: {rate:.1e}"),
        None => say!("the loss never falls: no learning rate can be suggested"),
    }
    say!("see {}", folder.join("lr_finder.png").display());
    Ok(())
}

/// The file, then the command line on top of it.
fn resolve(arguments: &Arguments) -> Result<RunConfig> {
    let mut config = match (&arguments.resume, &arguments.config, &arguments.data) {
        (_, Some(file), _) => RunConfig::read(file)?,
        (Some(folder), None, _) => RunConfig::read(&folder.join("config.toml"))?,
        (None, None, Some(_)) => RunConfig::parse(RunConfig::TUTORIAL)?,
        (None, None, None) => RunConfig::parse(RunConfig::RENDERED)?,
    };
    if let Some(path) = &arguments.data {
        config.data.path = Some(path.clone());
    }
    // A run can be resumed from another folder.
    if let Some(path) = &mut config.data.path {
        *path = std::path::absolute(&*path)?;
    }
    if let Some(format) = &arguments.format {
        config.data.format = Some(format.clone());
    }
    if let Some(schema) = &arguments.schema {
        config.data.schema.clone_from(schema);
    }
    if Path::new(&config.data.schema).is_file() {
        let file = std::path::absolute(&config.data.schema)?;
        config.data.schema = file.display().to_string();
    }
    config.train.epochs = arguments.epochs.unwrap_or(config.train.epochs);
    config.train.batch_size = arguments.batch_size.unwrap_or(config.train.batch_size);
    config.train.learning_rate = arguments.lr.unwrap_or(config.train.learning_rate);
    config.train.seed = arguments.seed.unwrap_or(config.train.seed);
    Ok(config)
}

fn augmentation(config: &RunConfig, data: &Prepared) -> Result<Box<dyn Augment>> {
    let augment = config.augment.compile(&data.schema)?;
    Ok(match config.data.labels {
        LabelMotion::WithPixels => Box::new(augment),
        LabelMotion::StayBehind => Box::new(PixelsOnly(augment)),
    })
}

/// Reads the best weights back as anyone would and scores them; the overlay shows faces spread
/// over the validation set, truth in green and prediction in red.
fn judge(
    model: &Path,
    data: &Prepared,
    codec: &Coordinates,
    batch_size: usize,
) -> Result<(EvaluationReport, image::RgbImage)> {
    let landmarker = Landmarker::load(model)?;
    let evaluator = Evaluator {
        network: landmarker.network(),
        codec,
        input: landmarker.card().input,
        batch_size,
        device: &Device::Cpu,
    };
    let every = data.validation.len().div_ceil(24);
    let mut cells = Vec::new();
    let report = evaluator.run(&data.validation, |scored| {
        if scored.index % every == 0 {
            cells.push(Cell::compared(&scored));
        }
    })?;
    let overlay = contact_sheet(Cell::COMPARED, &cells, 6, 192, &data.schema)?;
    Ok((report, overlay))
}

/// What a network that learnt nothing but the average would score.
fn score_mean_face(data: &Prepared, codec: &Coordinates) -> Result<EvaluationReport> {
    let mut mean = MeanFace::new(data.schema.len());
    for index in 0..data.train.len() {
        mean.update(&data.train.get(index)?.keypoints);
    }
    let mean = mean.predict();
    let mut evaluation = Evaluation::new(&data.schema, codec.frame);
    let mut truths = Vec::new();
    for index in 0..data.validation.len() {
        let truth = data.validation.get(index)?.keypoints;
        evaluation.update(&mean, &truth);
        truths.push(truth);
    }
    let constant = codec.encode(&vec![mean; truths.len()], &Device::Cpu)?;
    let target = codec.encode(&truths, &Device::Cpu)?;
    let loss = codec.loss(&constant.values, &target)?.to_scalar::<f32>()?;
    let mut report = evaluation.report();
    report.loss = Some(f64::from(loss) / target.total_weight);
    Ok(report)
}

/// What must be as it was for a run to go on: how samples are made and varied, and the samples.
fn fingerprint(config: &RunConfig, data: &Prepared) -> Result<BTreeMap<String, String>> {
    let place_aside = DataConfig {
        path: None,
        ..config.data.clone()
    };
    let entry = |key: &str, value: String| (key.to_owned(), value);
    Ok(BTreeMap::from([
        entry("augment", toml::to_string(&config.augment)?),
        entry("data", toml::to_string(&place_aside)?),
        entry("training set", digest(&data.train, "training")?),
        entry("validation set", digest(&data.validation, "validation")?),
    ]))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
