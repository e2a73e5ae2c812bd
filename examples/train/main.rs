//! Trains a keypoint network, on rendered faces or on your own data.
//!
//! ```text
//! cargo run --release --example train
//! cargo run --release --example train -- --data training.zip --epochs 20
//! cargo run --release --example train -- --resume runs/rendered-001
//! cargo run --release --example train -- --resume runs/rendered-001 --override --lr 1e-4
//! cargo run --release --example train -- --find-lr
//! ```

mod arguments;
mod judge;

use crate::arguments::Arguments;
use crate::judge::{judge, median, score_mean_face};
use anyhow::{Context, Result};
use clap::Parser;
use fkp_augment::PixelsOnly;
use fkp_core::{Augment, Dataset};
use fkp_examples::{
    DataConfig, Interrupt, LabelMotion, Prepared, Report, RunConfig, RunNotes, digest, finish,
    fresh_folder, open_for_training, say, table, use_threads, write_report, write_text,
};
use fkp_model::{ModelCard, Network};
use fkp_train::observers::{
    CsvHistory, Curves, EarlyLook, JsonLines, Look, PointErrors, PointOrder, Progress, TensorBoard,
};
use fkp_train::plots::{plot_learning_rates, save_picture};
use fkp_train::{Checkpoints, Coordinates, Fit, LearningRateFinder, Observers, Params, Stopped};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(train(&Arguments::parse()))
}

fn train(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    arguments.check()?;
    let device = arguments.device.open()?;
    let mut config = arguments.resolve()?;
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

fn augmentation(config: &RunConfig, data: &Prepared) -> Result<Box<dyn Augment>> {
    let augment = config.augment.compile(&data.schema)?;
    Ok(match config.data.labels {
        LabelMotion::WithPixels => Box::new(augment),
        LabelMotion::StayBehind => Box::new(PixelsOnly(augment)),
    })
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
    let plot = folder.join("lr_finder.png");
    let losses: Vec<_> = curve
        .points
        .iter()
        .map(|p| (p.learning_rate, p.smoothed))
        .collect();
    plot_learning_rates(&plot, &losses, curve.suggestion)?;
    match curve.suggestion {
        Some(rate) => say!("suggested learning rate: {rate:.1e}"),
        None => say!("the loss never falls: no learning rate can be suggested"),
    }
    say!("see {}", plot.display());
    Ok(())
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
