//! What an evaluation says beside the metrics: where the errors are, and whether the standard
//! deviations are true.

use anyhow::Result;
use fkp_core::{Calibration, Schema, Task};
use fkp_examples::{Breakdown, WorstFaces, table, write_text};
use fkp_metrics::{
    CumulativeErrorCurve, DEFAULT_THRESHOLD, EvaluationReport, Normalizer, StandardizedErrors,
};
use fkp_train::ScoredSample;
use fkp_train::plots::plot_error_curve;
use std::path::Path;

/// Accumulated over the samples of an evaluation.
pub(crate) struct Details {
    schema: Schema,
    breakdown: Breakdown,
    curve: CumulativeErrorCurve,
    calibration: Option<Calibration>,
    errors: StandardizedErrors,
    worst: WorstFaces,
}

impl Details {
    /// Of a model with this task, evaluated on keypoints of this schema.
    pub(crate) fn new(task: &Task, schema: &Schema) -> Self {
        Self {
            schema: schema.clone(),
            breakdown: Breakdown::new(schema),
            curve: CumulativeErrorCurve::new(Normalizer::preferred(schema)),
            calibration: task.calibration(),
            errors: StandardizedErrors::default(),
            worst: WorstFaces::new(schema, 24),
        }
    }

    pub(crate) fn add(&mut self, scored: ScoredSample<'_>) {
        let (sample, predicted) = (scored.sample, scored.predicted);
        self.breakdown.add(&scored);
        self.curve.add(&predicted.keypoints, &sample.keypoints);
        self.errors.add(predicted, sample);
        self.worst.add(scored);
    }

    /// How often the labels lie within the predicted intervals, a line for each probability.
    pub(crate) fn coverage(&self) -> Vec<String> {
        let percent = |value: f64| format!("{:.1} %", 100.0 * value);
        let lines = self.calibration.iter().flat_map(|calibration| {
            Calibration::PROBABILITIES.map(|p| {
                let within = self.errors.coverage(calibration, p);
                let within = within.map_or("none".to_owned(), percent);
                let interval = percent(p);
                format!("of the errors within the predicted interval of {interval}: {within}")
            })
        });
        lines.collect()
    }

    /// The calibration that these samples give; `None` if the model predicts no standard deviations
    /// or there are too few labels.
    pub(crate) fn calibration(&self) -> Option<Calibration> {
        self.errors.calibration()
    }

    /// Draws the faces with the largest errors.
    pub(crate) fn save_worst(&self, path: &Path) -> Result<()> {
        self.worst.save(path, &self.schema)
    }

    /// Writes `report.md`, `report.json`, `error_curve.png` and `worst.png`.
    pub(crate) fn write_report(
        &self,
        folder: &Path,
        model: &str,
        data: &str,
        report: &EvaluationReport,
    ) -> Result<()> {
        let page = format!(
            "# Evaluation of {model}\n\n{data}\n\n```text\n{}\n```\n\n{}\n\n{}\n\
             ![cumulative errors](error_curve.png)\n\n![the largest errors](worst.png)\n",
            table(report),
            self.coverage().join("\n\n"),
            self.breakdown.markdown()
        );
        write_text(&folder.join("report.md"), &page)?;
        let json = serde_json::json!({"metrics": report, "breakdown": self.breakdown.rows()});
        let json = serde_json::to_string_pretty(&json)? + "\n";
        write_text(&folder.join("report.json"), &json)?;
        plot_error_curve(
            &folder.join("error_curve.png"),
            &self.curve,
            DEFAULT_THRESHOLD,
        )?;
        self.save_worst(&folder.join("worst.png"))
    }
}
