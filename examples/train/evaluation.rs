//! Evaluates the best model of a run and writes its report, beside a constant prediction.

use anyhow::Result;
use candle_core::Device;
use fkp_core::{CoordinateFrame, Dataset, OutputSpec, Sample};
use fkp_draw::{Cell, contact_sheet};
use fkp_examples::{Measurements, Report, TrainingRun, heading, say, table, write_report};
use fkp_metrics::{Evaluation, EvaluationReport, MeanFace};
use fkp_model::ModelFile;
use fkp_train::observers::{KeypointErrors, KeypointOrder};
use fkp_train::plots::save_image;
use fkp_train::{Codec, Coordinates, Evaluator, Loss, TrainOutcome, codec_for};
use image::RgbImage;
use std::path::Path;

/// Evaluates the model of `best` on the selection set, prints the metrics, and writes
/// `report.json`, `report.md`, `overlay.png` and `keypoint_errors.png` to the run's folder. Returns
/// the measurements there that an exported model file has.
pub(crate) fn report(
    best: &Path,
    folder: &Path,
    run: &TrainingRun,
    outcome: &TrainOutcome,
    parameters: usize,
) -> Result<Measurements> {
    let (evaluation, overlay, measurements) = evaluate(best, run)?;
    save_image(&folder.join("overlay.png"), &overlay)?;
    let errors = folder.join("keypoint_errors.png");
    KeypointErrors::draw(&errors, &evaluation, KeypointOrder::WorstFirst)?;
    let mean_face = evaluate_mean_face(run)?;
    let records = &outcome.progress.history;
    let report = Report {
        data: &run.data.source.description,
        sources: &run.data.sources,
        parameters,
        monitor: &run.config.train.monitor,
        selected_on: run.data.selected_on,
        progress: &outcome.progress,
        seconds: records.iter().map(|record| record.seconds).sum(),
        samples_per_second: median(records.iter().map(|record| record.samples_per_second)),
        evaluation: &evaluation,
        mean_face: &mean_face,
    };
    write_report(folder, &report)?;
    say!("\n{}:\n{}", heading(report.selected_on), table(&evaluation));
    say!(
        "\nthe mean face has a MAE of {:.3} px; report: {}",
        mean_face.mae_px.unwrap_or(f64::NAN),
        folder.join("report.md").display()
    );
    if let Some(warning) = compare_to_mean_face(&evaluation, &mean_face) {
        say!("\n{warning}");
    }
    Ok(measurements)
}

/// Loads the model file and evaluates it on the selection set. The overlay shows samples spread
/// over the set, labels in green and predictions in red.
fn evaluate(model: &Path, run: &TrainingRun) -> Result<(EvaluationReport, RgbImage, Measurements)> {
    let model = ModelFile::read(model)?;
    let network = model.network(&Device::Cpu)?;
    let (task, config) = (&model.card.task, &run.config.train);
    let codec = codec_for(task, &network, config.loss, &Device::Cpu)?;
    let evaluator = Evaluator::new(&network, &*codec, task.input);
    let data = &run.data;
    let every = data.selection.len().div_ceil(24);
    let mut cells = Vec::new();
    let mut measurements = Measurements::default();
    let evaluator = evaluator.batch_size(config.batch_size);
    let report = evaluator.run(&data.selection, |scored| {
        measurements.add(scored.predicted, scored.sample);
        if scored.index % every == 0 {
            cells.push(Cell::compared(scored.sample, scored.predicted));
        }
    })?;
    let overlay = contact_sheet(Cell::COMPARED, &cells, 6, 192, &data.schema)?;
    Ok((report, overlay, measurements))
}

/// What a constant prediction, the mean face of the training set, scores. The loss is given only
/// where the loss is one of coordinates.
fn evaluate_mean_face(run: &TrainingRun) -> Result<EvaluationReport> {
    let (data, frame) = (&run.data, run.config.input.frame());
    let mut mean = MeanFace::new(data.schema.len());
    for index in 0..data.representative.len() {
        mean.update(&data.representative.get(index)?.keypoints);
    }
    let mean = mean.predict();
    let mut evaluation = Evaluation::new(&data.schema, frame);
    let has_loss = run.config.output == OutputSpec::Coordinates;
    let (mut constant, mut truth) = (Vec::new(), Vec::new());
    for index in 0..data.selection.len() {
        let sample = data.selection.get(index)?;
        if !sample.is_face {
            continue;
        }
        evaluation.add(&mean, &sample.keypoints);
        if has_loss {
            let keypoints = mean.clone();
            constant.push(Sample {
                keypoints,
                ..sample.clone()
            });
            truth.push(sample);
        }
    }
    let mut report = evaluation.report();
    let loss = run.config.train.loss.unwrap_or_default();
    if has_loss {
        report.loss = Some(mean_loss(frame, loss, &constant, &truth)?);
    }
    Ok(report)
}

fn mean_loss(
    frame: CoordinateFrame,
    loss: Loss,
    constant: &[Sample],
    truth: &[Sample],
) -> Result<f64> {
    let codec = Coordinates::new(frame, loss);
    let constant = codec.encode(constant, &Device::Cpu)?;
    let target = codec.encode(truth, &Device::Cpu)?;
    let sum = codec.loss(&constant.values, &target)?.to_scalar::<f32>()?;
    Ok(f64::from(sum) / target.total_weight)
}

/// Advice where the network is no better than a constant prediction.
fn compare_to_mean_face(network: &EvaluationReport, mean: &EvaluationReport) -> Option<String> {
    let (network, mean) = (network.mae_px?, mean.mae_px?);
    (network.is_nan() || network >= mean).then(|| {
        format!(
            "warning: this is no better than the mean face ({network:.3} against {mean:.3} px): the \
             network has learned nothing of use.\n\
             - Too few epochs? See curves.png; try more --epochs.\n\
             - A learning rate that is too high or too low? --find-lr shows where the loss falls.\n\
             - Labels that do not match the images? See overlay.png and \
             `augment_preview --data …`.\n\
             - Very few images? Add more, or use less augmentation."
        )
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
