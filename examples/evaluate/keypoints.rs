//! Evaluates a model of keypoints: its errors, by part of the face and by what is hard about an image.

use crate::arguments::{Arguments, BoxChoice};
use crate::details::Details;
use anyhow::{Context, Result, ensure};
use candle_core::Device;
use fkp_core::{CropRule, Dataset, InputSpec, LabelConvention, Schema};
use fkp_data::Cropped;
use fkp_examples::{
    EvaluatedKeypoints, Part, RunNotes, open_for_evaluation, read_convention, say, table,
    write_convention, write_text,
};
use fkp_metrics::EvaluationReport;
use fkp_model::ModelFile;
use fkp_train::{Evaluator, codec_for};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What an evaluation has to print and to write.
struct Evaluation<'a> {
    model: &'a ModelFile,
    name: &'a str,
    data: &'a str,
    schema: &'a Schema,
    convention: Option<&'a LabelConvention>,
    report: EvaluationReport,
    details: Details,
}

/// Prints the metrics on the crops of a data set, and writes the files.
pub(crate) fn evaluate(model: &ModelFile, name: &str, arguments: &Arguments) -> Result<()> {
    let card = &model.card;
    let evaluated = EvaluatedKeypoints::new(&card.task, arguments.schema.as_deref())
        .with_context(|| format!("cannot evaluate {name}"))?;
    let schema = &evaluated.schema;
    let convention = arguments.convention.as_deref();
    let convention = convention.map(|path| read_convention(path, schema));
    let (convention, offsets) = convention.transpose()?.unzip();
    let (dataset, source) = open_for_evaluation(
        card,
        &evaluated,
        arguments.data.as_deref(),
        arguments.format.as_deref(),
        arguments.split,
        arguments.box_source(),
        arguments.corrections.as_deref(),
    )
    .with_context(|| format!("cannot evaluate {name}"))?;
    let dataset = match arguments.crop_px {
        Some(side) => reduced(dataset, side, card.task.input),
        None => dataset,
    };
    let notes = RunNotes::read(card)?;
    say!("model: {name}");
    for source in &notes.sources {
        say!("trained on: {source}");
    }
    say!("data: {}", source.description);
    if arguments.boxes != BoxChoice::Labels {
        say!("boxes: {:?}", arguments.box_source());
    }
    if let Some(side) = arguments.crop_px {
        say!("crops: reduced to {side}×{side} pixels");
    }
    if let Some(convention) = &convention {
        say!("convention: {}, {}", convention.name, convention.measured);
    }
    if arguments.measure_convention.is_some() && arguments.split == Part::default() {
        eprintln!(
            "note: this measures on the validation part; --split train leaves it for the comparison"
        );
    }

    let network = model.network(&Device::Cpu)?;
    let codec = codec_for(&card.task, &network, notes.loss, &Device::Cpu)?;
    let mut evaluator = Evaluator::new(&network, &*codec, card.task.input);
    if let Some(samples) = arguments.batch_size {
        evaluator = evaluator.batch_size(samples.get());
    }
    if let Some(offsets) = &offsets {
        evaluator = evaluator.offsets(offsets);
    }
    if let Some(map) = &evaluated.map {
        evaluator = evaluator.onto(map);
    }
    let mut details = Details::new(&card.task, schema);
    let report = evaluator.run(&dataset, |scored| details.add(scored))?;
    let evaluation = Evaluation {
        model,
        name,
        data: &source.description,
        schema,
        convention: convention.as_ref(),
        report,
        details,
    };
    evaluation.finish(arguments)
}

/// Crops of a network's input size with no more detail than those of `side` pixels.
fn reduced(crops: Arc<dyn Dataset>, side: NonZeroUsize, input: InputSpec) -> Arc<dyn Dataset> {
    let reduced = InputSpec {
        size: side.get(),
        ..input
    };
    let small = Cropped::new(crops, CropRule::Whole, reduced);
    Arc::new(Cropped::new(small, CropRule::Whole, input))
}

impl Evaluation<'_> {
    /// Prints the metrics, and writes the files that the command line names.
    fn finish(&self, arguments: &Arguments) -> Result<()> {
        let Self {
            model,
            name,
            data,
            report,
            details,
            ..
        } = self;
        say!("{}", table(report));
        let lines = details.lines();
        for line in &lines {
            say!("{line}");
        }
        if let Some(folder) = &arguments.report {
            details.write_report(folder, name, data, report, &lines)?;
        }
        if let Some(path) = &arguments.json {
            let evaluation = serde_json::json!({
                "model": name,
                "data": data,
                "boxes": arguments.boxes,
                "crop_px": arguments.crop_px,
                "convention": self.convention.map(|convention| &convention.name),
                "metrics": report,
            });
            write_text(path, &(serde_json::to_string_pretty(&evaluation)? + "\n"))?;
        }
        if let Some(path) = &arguments.measure_convention {
            let measured = format!("{name} on {data}");
            write_convention(path, report, self.schema, &model.card.task.input, &measured)?;
        }
        if let Some(path) = &arguments.calibrate {
            let measurements = details.measurements();
            ensure!(
                measurements.calibration().is_some(),
                "--calibrate: the model predicts no standard deviations, or there are too few labels"
            );
            measurements.export(model, path)?;
        }
        if let Some(path) = &arguments.worst {
            details.save_worst(path)?;
        }
        Ok(())
    }
}
