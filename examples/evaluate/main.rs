//! Evaluates a model on a data set.
//!
//! ```text
//! cargo run --release --example evaluate -- --data ytf68                  # the pretrained model
//! cargo run --release --example evaluate -- --model runs/X/best.safetensors --data ytf68 --split val
//! cargo run --release --example evaluate -- --data ytf68 --boxes jittered # with inexact boxes
//! ```

mod details;
mod detection;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use clap::{Parser, ValueEnum};
use details::Details;
use detection::DetectionArguments;
use fkp_core::{BoxJitter, OutputSpec};
use fkp_data::BoxSource;
use fkp_examples::{
    EvaluatedKeypoints, Part, RunNotes, check_image, check_writable, finish, format_help,
    model_file, model_help, open_for_evaluation, read_convention, say, table, use_threads,
    write_convention, write_text,
};
use fkp_train::{Evaluator, codec_for};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Evaluate a model. Keypoints, crop rule, input and output come from the model file.
#[derive(Parser)]
struct Arguments {
    #[arg(long, help = model_help())]
    model: Option<PathBuf>,
    /// File or folder with annotated images; held-out rendered faces if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long, help = format_help())]
    format: Option<String>,
    /// Samples to exclude and labels to correct: a file such as `inspect --fix` writes.
    #[arg(long, requires = "data")]
    corrections: Option<PathBuf>,
    /// Keypoints to evaluate, which must follow from those of the model, such as kaggle15; those of
    /// the model if absent.
    #[arg(long)]
    schema: Option<String>,
    /// train, selection (the part on which the best epoch was chosen), val, all, or
    /// train:FRACTION:SEED: a part of the training part by person or image, such as train:0.5:0, to
    /// choose settings on.
    #[arg(long, default_value_t)]
    split: Part,
    /// Boxes for the crops: labels (around the labeled keypoints, as in training), given (those of
    /// the data), or jittered (those of the labels, shifted by up to 8 % and scaled by up to 10 %,
    /// like the boxes of a detector).
    #[arg(long, value_enum, default_value_t)]
    boxes: BoxChoice,
    /// Seed of the jitter.
    #[arg(long, default_value_t = 0)]
    jitter_seed: u64,
    /// Write the metrics to this file, with the names of the model, the data, the boxes and the
    /// convention.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Add the mean offsets between predictions and the labels of a data set, from a file of
    /// --measure-convention.
    #[arg(long)]
    convention: Option<PathBuf>,
    /// Write the mean offsets from the predictions to the labels to this file. Measure them on a
    /// training part.
    #[arg(long, conflicts_with = "convention")]
    measure_convention: Option<PathBuf>,
    /// Write the model to this file, with two bytes per weight and with its standard deviations
    /// calibrated on the evaluated samples. Calibrate on samples that chose the best epoch
    /// (--split selection).
    #[arg(long, conflicts_with_all = ["convention", "schema"])]
    calibrate: Option<PathBuf>,
    /// Draw the 24 faces with the largest errors into this image.
    #[arg(long)]
    worst: Option<PathBuf>,
    /// Write the report into this folder: report.md with the errors by part of the face, yaw,
    /// visibility and sharpness, report.json, error_curve.png, and worst.png as by --worst.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Of a face detector: correct the scores by the face score of the pretrained keypoint model, as
    /// predict does. The times are then those of all detections with their keypoints.
    #[arg(long)]
    face_score: bool,
    /// Of a face detector: write the detections in each image to this file.
    #[arg(long)]
    detections: Option<PathBuf>,
    /// Images per batch.
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Number of threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

/// [`BoxSource`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum BoxChoice {
    #[default]
    Labels,
    Given,
    Jittered,
}

impl Arguments {
    /// Checks before the evaluation that everything can be written after it.
    fn check_outputs(&self) -> Result<()> {
        let texts = [
            &self.json,
            &self.measure_convention,
            &self.calibrate,
            &self.detections,
        ];
        for path in texts.into_iter().flatten() {
            check_writable(path)?;
        }
        if let Some(path) = &self.worst {
            check_image(path)?;
        }
        if let Some(folder) = &self.report {
            check_writable(&folder.join("report.md"))?;
        }
        Ok(())
    }

    fn box_source(&self) -> BoxSource {
        match self.boxes {
            BoxChoice::Labels => BoxSource::Labels,
            BoxChoice::Given => BoxSource::Given,
            BoxChoice::Jittered => BoxSource::Jittered {
                jitter: BoxJitter::default(),
                seed: self.jitter_seed,
            },
        }
    }
}

fn main() -> ExitCode {
    finish(evaluate(&Arguments::parse()))
}

fn evaluate(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    ensure!(
        arguments.batch_size > 0,
        "--batch-size must be at least 1, got 0"
    );
    arguments.check_outputs()?;
    let (model, name) = model_file(arguments.model.as_deref())?;
    if let OutputSpec::Boxes { .. } = model.card.task.output {
        let of_keypoints = [
            ("--schema", arguments.schema.is_some()),
            ("--boxes", arguments.boxes != BoxChoice::Labels),
            ("--report", arguments.report.is_some()),
            ("--convention", arguments.convention.is_some()),
            (
                "--measure-convention",
                arguments.measure_convention.is_some(),
            ),
            ("--calibrate", arguments.calibrate.is_some()),
        ];
        if let Some((option, _)) = of_keypoints.iter().find(|(_, is_given)| *is_given) {
            bail!("{option} is for models of keypoints, and {name} is a face detector");
        }
        let arguments = DetectionArguments {
            data: arguments.data.as_ref(),
            format: arguments.format.as_deref(),
            split: arguments.split,
            corrections: arguments.corrections.as_deref(),
            face_score: arguments.face_score,
            json: arguments.json.as_ref(),
            detections: arguments.detections.as_ref(),
            worst: arguments.worst.as_ref(),
        };
        return detection::evaluate(model, &name, &arguments);
    }
    for (is_given, option) in [
        (arguments.detections.is_some(), "--detections"),
        (arguments.face_score, "--face-score"),
    ] {
        ensure!(
            !is_given,
            "{option} is for face detectors, and {name} is a model of keypoints"
        );
    }
    let card = &model.card;
    let evaluated = EvaluatedKeypoints::new(&card.task, arguments.schema.as_deref())
        .with_context(|| format!("cannot evaluate {name}"))?;
    let schema = &evaluated.schema;
    let convention = arguments.convention.as_deref();
    let convention = convention.map(|path| read_convention(path, schema));
    let convention = convention.transpose()?;
    let boxes = arguments.box_source();
    let (path, format) = (arguments.data.as_deref(), arguments.format.as_deref());
    let (dataset, source) = open_for_evaluation(
        card,
        &evaluated,
        path,
        format,
        arguments.split,
        boxes,
        arguments.corrections.as_deref(),
    )
    .with_context(|| format!("cannot evaluate {name}"))?;
    say!("model: {name}");
    let notes = RunNotes::read(card)?;
    for source in &notes.sources {
        say!("trained on: {source}");
    }
    say!("data: {}", source.description);
    if arguments.boxes != BoxChoice::Labels {
        say!("boxes: {:?}", boxes);
    }
    if let Some((convention, _)) = &convention {
        say!("convention: {}, {}", convention.name, convention.measured);
    }
    if arguments.measure_convention.is_some() && arguments.split == Part::default() {
        eprintln!(
            "note: this measures on the validation part; --split train leaves it for the comparison"
        );
    }

    let network = model.network(&Device::Cpu)?;
    let codec = codec_for(&card.task, &network, notes.loss, &Device::Cpu)?;
    let mut evaluator =
        Evaluator::new(&network, &*codec, card.task.input).batch_size(arguments.batch_size);
    if let Some((_, offsets)) = &convention {
        evaluator = evaluator.offsets(offsets);
    }
    if let Some(map) = &evaluated.map {
        evaluator = evaluator.onto(map);
    }
    let mut details = Details::new(&card.task, schema);
    let report = evaluator.run(&dataset, |scored| details.add(scored))?;
    say!("{}", table(&report));
    let lines = details.lines();
    for line in &lines {
        say!("{line}");
    }
    if let Some(folder) = &arguments.report {
        details.write_report(folder, &name, &source.description, &report, &lines)?;
    }
    if let Some(path) = &arguments.json {
        let evaluation = serde_json::json!({
            "model": name,
            "data": source.description,
            "boxes": arguments.boxes,
            "convention": convention.as_ref().map(|(convention, _)| &convention.name),
            "metrics": report,
        });
        write_text(path, &(serde_json::to_string_pretty(&evaluation)? + "\n"))?;
    }
    if let Some(path) = &arguments.measure_convention {
        let measured = format!("{name} on {}", source.description);
        write_convention(path, &report, schema, &card.task.input, &measured)?;
    }
    if let Some(path) = &arguments.calibrate {
        let measurements = details.measurements();
        ensure!(
            measurements.calibration().is_some(),
            "--calibrate: the model predicts no standard deviations, or there are too few labels"
        );
        measurements.export(&model, path)?;
    }
    if let Some(path) = &arguments.worst {
        details.save_worst(path)?;
    }
    Ok(())
}
