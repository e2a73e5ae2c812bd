//! What a trained network is worth, beside one that always predicts the mean face.

use anyhow::Result;
use candle_core::Device;
use fkp_core::{CoordinateFrame, Dataset, Sample};
use fkp_draw::{Cell, contact_sheet};
use fkp_examples::TrainingRun;
use fkp_metrics::{Evaluation, EvaluationReport, MeanFace};
use fkp_model::Landmarker;
use fkp_train::{Codec, Coordinates, Evaluator, Loss, codec_for};
use std::path::Path;

/// Reads the best weights back as anyone would and scores them on what they were chosen on; the
/// overlay shows faces spread over it, truth in green and prediction in red.
pub(crate) fn judge(
    model: &Path,
    run: &TrainingRun,
) -> Result<(EvaluationReport, image::RgbImage)> {
    let landmarker = Landmarker::load(model)?;
    let (task, config) = (&landmarker.card().task, &run.config.train);
    let codec = codec_for(task, landmarker.network(), config.loss, &Device::Cpu)?;
    let evaluator = Evaluator::new(landmarker.network(), &*codec, task.input);
    let data = &run.data;
    let every = data.selection.len().div_ceil(24);
    let mut cells = Vec::new();
    let evaluator = evaluator.batch_size(config.batch_size);
    let report = evaluator.run(&data.selection, |scored| {
        if scored.index % every == 0 {
            cells.push(Cell::compared(scored.sample, scored.predicted));
        }
    })?;
    let overlay = contact_sheet(Cell::COMPARED, &cells, 6, 192, &data.schema)?;
    Ok((report, overlay))
}

/// What always predicting the mean face of the training set scores. It has a loss only where the
/// loss is one of coordinates.
pub(crate) fn score_mean_face(run: &TrainingRun) -> Result<EvaluationReport> {
    let (data, frame) = (&run.data, run.config.input.frame());
    let mut mean = MeanFace::new(data.schema.len());
    for index in 0..data.train.len() {
        mean.update(&data.train.get(index)?.keypoints);
    }
    let mean = mean.predict();
    let mut evaluation = Evaluation::new(&data.schema, frame);
    let (mut constant, mut truth) = (Vec::new(), Vec::new());
    for index in 0..data.selection.len() {
        let sample = data.selection.get(index)?;
        evaluation.add(&mean, &sample.keypoints);
        let keypoints = mean.clone();
        constant.push(Sample {
            keypoints,
            ..sample.clone()
        });
        truth.push(sample);
    }
    let mut report = evaluation.report();
    let loss = run.config.train.loss.unwrap_or_default();
    if run.config.output == fkp_core::OutputSpec::Coordinates {
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

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
