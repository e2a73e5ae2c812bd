//! What an evaluation says beside the metrics: where the errors are, and whether the standard
//! deviations are true.

use anyhow::Result;
use fkp_core::{Calibration, Schema, Task};
use fkp_examples::{Breakdown, Measurements, WorstFaces, table, write_text};
use fkp_metrics::{CumulativeErrorCurve, DEFAULT_THRESHOLD, EvaluationReport, Normalizer};
use fkp_train::ScoredSample;
use fkp_train::plots::plot_error_curve;
use std::path::Path;

/// Accumulated over the samples of an evaluation.
pub(crate) struct Details {
    schema: Schema,
    breakdown: Breakdown,
    curve: CumulativeErrorCurve,
    calibration: Option<Calibration>,
    score_threshold: Option<f32>,
    measurements: Measurements,
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
            score_threshold: task.score_threshold,
            measurements: Measurements::default(),
            worst: WorstFaces::new(schema, 24),
        }
    }

    pub(crate) fn add(&mut self, scored: ScoredSample<'_>) {
        let (sample, predicted) = (scored.sample, scored.predicted);
        self.measurements.add(predicted, sample);
        if !sample.is_face {
            return;
        }
        self.breakdown.add(&scored);
        self.curve.add(&predicted.keypoints, &sample.keypoints);
        self.worst.add(scored);
    }

    /// Lines about the predicted intervals and the face score.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.coverage();
        lines.extend(self.separation());
        lines
    }

    /// How well the face score separates faces from other images, if there are both.
    fn separation(&self) -> Option<String> {
        let scores = &self.measurements.scores;
        let [faces, others] = scores.counts();
        let mut line = format!(
            "face score, {faces} faces and {others} other images: AUC {:.4}",
            scores.auc()?
        );
        if let Some(threshold) = self.score_threshold {
            let passed = 100.0 * scores.false_positive_rate(threshold)?;
            line += &format!("; {passed:.1} % of the others have at least {threshold:.3}");
        }
        Some(line)
    }

    /// How often the labels lie within the predicted intervals, with the 95 % interval of a bootstrap
    /// over the people, a line for each probability.
    fn coverage(&self) -> Vec<String> {
        let percent = |value: f64| format!("{:.1} %", 100.0 * value);
        let lines = self.calibration.iter().flat_map(|calibration| {
            Calibration::PROBABILITIES.map(|p| {
                let within = self.measurements.errors.coverage(calibration, p);
                let between = self.measurements.errors.coverage_interval(calibration, p);
                let within = within.zip(between).map(|(within, [low, high])| {
                    let (within, low, high) = (percent(within), percent(low), percent(high));
                    format!("{within} (95 % interval over people: {low} to {high})")
                });
                let within = within.unwrap_or("none".to_owned());
                let interval = percent(p);
                format!("of the errors within the predicted interval of {interval}: {within}")
            })
        });
        lines.collect()
    }

    /// The measurements that an exported model file has.
    pub(crate) fn measurements(&self) -> &Measurements {
        &self.measurements
    }

    /// Draws the faces with the largest errors.
    pub(crate) fn save_worst(&self, path: &Path) -> Result<()> {
        self.worst.save(path, &self.schema)
    }

    /// Writes `report.md`, with [`Self::lines`], `report.json` and, if an error can be normalized,
    /// `error_curve.png` and `worst.png`.
    pub(crate) fn write_report(
        &self,
        folder: &Path,
        model: &str,
        data: &str,
        report: &EvaluationReport,
        lines: &[String],
    ) -> Result<()> {
        let images = match self.worst.is_empty() {
            true => "",
            false => {
                "\n![cumulative errors](error_curve.png)\n\n![the largest errors](worst.png)\n"
            }
        };
        let page = format!(
            "# Evaluation of {model}\n\n{data}\n\n```text\n{}\n```\n\n{}\n\n{}{images}",
            table(report),
            lines.join("\n\n"),
            self.breakdown.markdown(),
        );
        write_text(&folder.join("report.md"), &page)?;
        let json = serde_json::json!({"metrics": report, "breakdown": self.breakdown.rows()});
        let json = serde_json::to_string_pretty(&json)? + "\n";
        write_text(&folder.join("report.json"), &json)?;
        if self.worst.is_empty() {
            return Ok(());
        }
        let curve = folder.join("error_curve.png");
        plot_error_curve(&curve, &self.curve, DEFAULT_THRESHOLD)?;
        self.save_worst(&folder.join("worst.png"))
    }
}
