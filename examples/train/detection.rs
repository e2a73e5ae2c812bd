//! Evaluates the best face detector of a run and writes its report.

use anyhow::Result;
use fkp_examples::{DetectionMeasurements, TrainingRun, export_model, heading, say, write_text};
use fkp_model::{FaceDetector, ModelFile};
use fkp_train::plots::save_image;
use std::path::Path;

/// Score of a detection where no threshold can be measured.
const DEFAULT_THRESHOLD: f32 = 0.5;

/// Evaluates the model of `best` on the selection set, prints the average precision, and writes
/// `report.json` and `overlay.png` to the run's folder. With `export`, also writes the model with two
/// bytes per weight and the threshold of its score to this file.
pub(crate) fn report(
    best: &Path,
    folder: &Path,
    run: &TrainingRun,
    export: Option<&Path>,
) -> Result<()> {
    let model = ModelFile::read(best)?;
    let (mut card, weights) = (model.card.clone(), model.weights.clone());
    let detector = FaceDetector::from_model_file(model)?;
    let measured = DetectionMeasurements::new(&detector, None, &run.data.selection)?;
    let threshold = measured.threshold().unwrap_or(DEFAULT_THRESHOLD);
    let overlay = measured.overlay(&run.data.selection, 24, threshold)?;
    save_image(&folder.join("overlay.png"), &overlay)?;
    let report = serde_json::json!({
        "data": run.data.source.description,
        "selected_on": run.data.selected_on,
        "threshold": threshold,
        "average_precision": measured.precision(),
    });
    let text = serde_json::to_string_pretty(&report)? + "\n";
    write_text(&folder.join("report.json"), &text)?;
    say!("\n{}:", heading(run.data.selected_on));
    for line in measured.lines(threshold) {
        say!("{line}");
    }
    if let Some(path) = export {
        card.task.score_threshold = Some(threshold);
        export_model(&card, &weights, path)?;
    }
    Ok(())
}
