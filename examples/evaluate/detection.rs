//! Evaluates a face detector: average precision, and the detections of each image.

use crate::arguments::Arguments;
use anyhow::{Context, Result, bail};
use fkp_examples::{DetectionMeasurements, landmarker, open_boxes_for_evaluation, say, write_text};
use fkp_model::{FaceDetector, ModelFile};

/// Prints the average precision on the images of a data set in their own size, and writes the files.
pub(crate) fn evaluate(model: ModelFile, name: &str, arguments: &Arguments) -> Result<()> {
    let Some(path) = &arguments.data else {
        bail!("{name} is a face detector: name images with boxes with --data");
    };
    let (dataset, source) = open_boxes_for_evaluation(
        &model.card,
        path,
        arguments.format.as_deref(),
        arguments.split,
        arguments.corrections.as_deref(),
    )
    .with_context(|| format!("cannot evaluate {name}"))?;
    say!("model: {name}");
    say!("data: {}", source.description);
    let detector = FaceDetector::from_model_file(model)?;
    let scorer = arguments.face_score.as_deref();
    let scorer = scorer.map(|model| landmarker(Some(model))).transpose()?;
    if let Some((_, name)) = &scorer {
        say!("scores: corrected by the face score of {name}");
    }
    let scorer = scorer.map(|(landmarker, _)| landmarker);
    let measured = DetectionMeasurements::new(&detector, scorer.as_ref(), &dataset)?;
    for line in measured.lines(detector.options().min_score) {
        say!("{line}");
    }
    if let Some(path) = &arguments.json {
        let report = serde_json::json!({
            "model": name,
            "data": source.description,
            "face_score": arguments.face_score,
            "average_precision": measured.precision(),
        });
        write_text(path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(path) = &arguments.detections {
        write_text(path, &(serde_json::to_string(measured.images())? + "\n"))?;
    }
    if let Some(path) = &arguments.worst {
        let overlay = measured.overlay(&dataset, 24, detector.options().min_score)?;
        let saved = overlay.save(path);
        saved.with_context(|| format!("{}: cannot write the overlay", path.display()))?;
    }
    Ok(())
}
