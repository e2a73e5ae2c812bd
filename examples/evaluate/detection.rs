//! Evaluates a face detector: average precision, and the detections of each image.

use anyhow::{Context, Result, bail};
use fkp_examples::{DetectionMeasurements, Part, open_boxes_for_evaluation, say, write_text};
use fkp_model::{FaceDetector, Landmarker, ModelFile};
use std::path::{Path, PathBuf};

/// The options that an evaluation of a detector uses.
pub(crate) struct DetectionArguments<'a> {
    pub(crate) data: Option<&'a PathBuf>,
    pub(crate) format: Option<&'a str>,
    pub(crate) split: Part,
    pub(crate) corrections: Option<&'a Path>,
    /// Correct the scores by the face score of the default landmarker.
    pub(crate) face_score: bool,
    /// Metrics as JSON.
    pub(crate) json: Option<&'a PathBuf>,
    /// Detections as JSON.
    pub(crate) detections: Option<&'a PathBuf>,
    /// Images with labels and detections.
    pub(crate) worst: Option<&'a PathBuf>,
}

/// Prints the average precision on the images of a data set in their own size, and writes the files.
pub(crate) fn evaluate(
    model: ModelFile,
    name: &str,
    arguments: &DetectionArguments<'_>,
) -> Result<()> {
    let Some(path) = arguments.data else {
        bail!("{name} is a face detector: name images with boxes with --data");
    };
    let (dataset, source) = open_boxes_for_evaluation(
        &model.card,
        path,
        arguments.format,
        arguments.split,
        arguments.corrections,
    )
    .with_context(|| format!("cannot evaluate {name}"))?;
    say!("model: {name}");
    say!("data: {}", source.description);
    let detector = FaceDetector::from_model_file(model)?;
    let landmarker = arguments
        .face_score
        .then(Landmarker::pretrained)
        .transpose()?;
    if let Some(landmarker) = &landmarker {
        let schema = landmarker.schema().name();
        say!("scores: corrected by the face score of the pretrained model of `{schema}`");
    }
    let measured = DetectionMeasurements::new(&detector, landmarker.as_ref(), &dataset)?;
    for line in measured.lines(detector.options().min_score) {
        say!("{line}");
    }
    if let Some(path) = arguments.json {
        let report = serde_json::json!({
            "model": name,
            "data": source.description,
            "face_score": arguments.face_score,
            "average_precision": measured.precision(),
        });
        write_text(path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(path) = arguments.detections {
        write_text(path, &(serde_json::to_string(measured.images())? + "\n"))?;
    }
    if let Some(path) = arguments.worst {
        let overlay = measured.overlay(&dataset, 24, detector.options().min_score)?;
        let saved = overlay.save(path);
        saved.with_context(|| format!("{}: cannot write the overlay", path.display()))?;
    }
    Ok(())
}
