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
use fkp_examples::{
    Interrupt, Report, TrainingRun, check_writable, finish, fresh_folder, heading, say, table,
    use_threads, write_report, write_text,
};
use fkp_metrics::EvaluationReport;
use fkp_model::{Precision, read_model};
use fkp_train::observers::{
    CsvHistory, Curves, JsonLines, KeypointErrors, KeypointOrder, Preview, ProgressBar,
    TensorBoard, ValidationPreview,
};
use fkp_train::plots::{plot_learning_rates, save_image};
use fkp_train::{LearningRateCurve, LearningRateFinder, Observers, StopReason, write_atomic};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(train(&Arguments::parse()))
}

fn train(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    arguments.check()?;
    if let Some(path) = &arguments.export {
        check_writable(path)?;
    }
    let device = arguments.device.open()?;
    let run = TrainingRun::open(arguments.resolve()?)?;
    say!("data: {}", run.data.source.description);
    let trainer = run.trainer(&device)?;
    let params = trainer.params().named();
    let parameters: usize = params.iter().map(|(_, var)| var.elem_count()).sum();
    say!("network: {parameters} parameters");
    let (train, selection) = (&run.data.train, &run.data.selection);
    if arguments.find_lr {
        let curve = trainer.find_learning_rate(train, &LearningRateFinder::default())?;
        return show_learning_rates(
            &curve,
            run.config.train.learning_rate,
            arguments.out.as_deref(),
        );
    }

    let folder = match &arguments.resume {
        Some(folder) => folder.clone(),
        None => fresh_folder(arguments.out.as_deref(), &run.data.source.name)?,
    };
    say!("writing to {}", folder.display());
    let trainer = trainer.save_to(&folder).depends_on(run.fingerprint()?);
    let resolved = toml::to_string(&run.config)?;
    match (&arguments.resume, arguments.override_) {
        (None, _) => write_text(&folder.join("config.toml"), &resolved)?,
        (Some(_), false) => {}
        (Some(_), true) => {
            for difference in trainer.differences(train, selection)? {
                say!("overridden: {difference}");
            }
            write_text(&folder.join("config.toml"), &resolved)?;
        }
    }
    let mut interrupt = Interrupt::listen()?;
    let preview = Preview::default();
    let mut progress = ProgressBar::new();
    let mut history = CsvHistory::new(folder.join("history.csv"));
    let mut events = JsonLines::new(folder.join("history.jsonl"));
    let mut board = TensorBoard::new(&folder).with_preview(preview);
    let mut curves = Curves::new(folder.join("curves.png"));
    let mut keypoints = KeypointErrors::new(folder.join("keypoint_errors.png"));
    let mut early = ValidationPreview::new(&folder, preview);
    let mut observers = Observers(vec![
        &mut progress,
        &mut history,
        &mut events,
        &mut board,
        &mut curves,
        &mut keypoints,
        &mut early,
        &mut interrupt,
    ]);
    let outcome = match (&arguments.resume, arguments.override_) {
        (None, _) => trainer.fit(train, selection, &mut observers)?,
        (Some(_), false) => trainer.resume(train, selection, &mut observers)?,
        (Some(_), true) => trainer.resume_overriding(train, selection, &mut observers)?,
    };
    drop(observers);
    let records = &outcome.progress.history;
    // Once more, for a run that was killed between its last checkpoint and these.
    CsvHistory::write(&folder.join("history.csv"), records)?;
    Curves::draw(&folder.join("curves.png"), records)?;
    events.catch_up(records);
    let drawn = [curves.finish(), keypoints.finish(), early.finish()];
    let written = [history.finish(), events.finish(), board.finish()];
    drawn
        .into_iter()
        .chain(written)
        .collect::<Result<(), _>>()?;
    write_text(&folder.join("config.toml"), &resolved)?;
    let (epochs, steps) = (outcome.progress.epochs_done, outcome.progress.steps_done);
    let why = match outcome.stop_reason {
        StopReason::Observer => "stopped",
        StopReason::TimeLimit => "the time is up",
        StopReason::EarlyStopping => {
            say!("stopped early: validation no longer improves");
            ""
        }
        StopReason::Finished => "",
    };
    if !why.is_empty() {
        say!(
            "{why} after {epochs} epochs and {steps} steps; go on with --resume {}",
            folder.display()
        );
        return Ok(());
    }

    let best = folder.join("best.safetensors");
    let (evaluation, overlay) = judge(&best, &run)?;
    save_image(&folder.join("overlay.png"), &overlay)?;
    let keypoints = folder.join("keypoint_errors.png");
    KeypointErrors::draw(&keypoints, &evaluation, KeypointOrder::WorstFirst)?;
    let mean_face = score_mean_face(&run)?;
    let report = Report {
        data: &run.data.source.description,
        parameters,
        monitor: &run.config.train.monitor,
        selected_on: run.data.selected_on,
        progress: &outcome.progress,
        seconds: records.iter().map(|record| record.seconds).sum(),
        samples_per_second: median(records.iter().map(|record| record.samples_per_second)),
        evaluation: &evaluation,
        mean_face: &mean_face,
    };
    write_report(&folder, &report)?;
    say!("\n{}:\n{}", heading(report.selected_on), table(&evaluation));
    let mean = mean_face.mae_px.unwrap_or(f64::NAN);
    say!(
        "\nthe mean face has a MAE of {mean:.3} px; report: {}",
        folder.join("report.md").display()
    );
    if let Some(warning) = against_mean_face(&evaluation, &mean_face) {
        say!("\n{warning}");
    }
    if let Some(path) = &arguments.export {
        export(&best, path)?;
    }
    say!(
        "for a figure on data that chose nothing: evaluate --model {} --split val{}",
        best.display(),
        match &run.config.data.path {
            Some(path) => format!(" --data {}", path.display()),
            None => String::new(),
        }
    );
    Ok(())
}

/// The model in half the bytes, for programs that carry it along.
fn export(model: &Path, path: &Path) -> Result<()> {
    let (card, weights) = read_model(model)?;
    let bytes = card.to_bytes(&weights, Precision::F16)?;
    write_atomic(path, &bytes).with_context(|| format!("{}: cannot write", path.display()))?;
    say!("exported: {}, {} bytes", path.display(), bytes.len());
    Ok(())
}

/// What to say and to do where the network is worse than always predicting the mean face.
fn against_mean_face(network: &EvaluationReport, mean: &EvaluationReport) -> Option<String> {
    let (ours, mean) = (network.mae_px?, mean.mae_px?);
    (ours.is_nan() || ours >= mean).then(|| {
        format!(
            "warning: this is no better than the mean face ({ours:.3} against {mean:.3} px): the \
             network has learned nothing of use.\n\
             - Too short a training? Look at curves.png; try more --epochs.\n\
             - A learning rate that is too high or too low? --find-lr shows where the loss falls.\n\
             - Labels that are not on the images? Look at overlay.png and at \
             `augment_preview --data …`.\n\
             - Very few images? Start from more, or with less augmentation."
        )
    })
}

/// The curve of a learning-rate range test, and what follows from it.
fn show_learning_rates(
    curve: &LearningRateCurve,
    configured: f64,
    out: Option<&Path>,
) -> Result<()> {
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
    say!("{}", advice(curve, configured));
    say!("see {}", plot.display());
    Ok(())
}

/// The test raises the rate over a hundred steps, so the loss falls fastest long before the rate is
/// too high: that place is a lower end, where the loss is lowest an upper one.
fn advice(curve: &LearningRateCurve, configured: f64) -> String {
    let Some(steepest) = curve.suggestion else {
        return "the loss never falls: no learning rate can be suggested".to_owned();
    };
    let by_loss = |a: &&fkp_train::LearningRatePoint, b: &&fkp_train::LearningRatePoint| {
        a.smoothed.total_cmp(&b.smoothed)
    };
    let lowest = curve.points.iter().min_by(by_loss);
    let highest = lowest.map_or(steepest, |point| point.learning_rate.max(steepest));
    let verdict = if configured < steepest {
        "lies below: training will be slow"
    } else if configured <= highest {
        "lies between: leave it as it is"
    } else {
        "lies above: the loss may explode"
    };
    format!(
        "the loss falls fastest at {steepest:.1e} and is lowest at {highest:.1e}: a learning rate \
         between the two is safe to begin with, the upper end trains faster.\n\
         the configured learning rate, {configured:.1e}, {verdict}"
    )
}
