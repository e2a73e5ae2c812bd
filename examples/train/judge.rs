//! What a trained network is worth, beside one that learnt nothing but the average.

use anyhow::Result;
use candle_core::Device;
use fkp_core::Dataset;
use fkp_examples::Prepared;
use fkp_metrics::{Evaluation, EvaluationReport, MeanFace};
use fkp_model::Landmarker;
use fkp_train::plots::{Cell, contact_sheet};
use fkp_train::{Codec, Coordinates, Evaluator};
use std::path::Path;

/// Reads the best weights back as anyone would and scores them; the overlay shows faces spread
/// over the validation set, truth in green and prediction in red.
pub(crate) fn judge(
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
pub(crate) fn score_mean_face(data: &Prepared, codec: &Coordinates) -> Result<EvaluationReport> {
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

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
