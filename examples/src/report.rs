//! Reports of a run or an evaluation: text, Markdown and JSON.

use crate::{DataSource, SelectionPart, write_text};
use anyhow::Result;
use fkp_metrics::EvaluationReport;
use fkp_train::Progress;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// The report of a finished training run, as written to `report.json`.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Description of the data.
    pub data: &'a str,
    /// The data sets, if there are several.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub sources: &'a [DataSource],
    /// Number of trainable parameters.
    pub parameters: usize,
    /// The metric by which the best epoch was chosen.
    pub monitor: &'a str,
    /// The part on which the best epoch was chosen, and on which `evaluation` and `mean_face` are
    /// measured: `carved` out of the training part, or `validation`.
    pub selected_on: SelectionPart,
    /// Epochs, best epoch and the metrics of each.
    pub progress: &'a Progress,
    /// Wall time of all epochs in seconds.
    pub seconds: f64,
    /// Training samples per second, median over the epochs.
    pub samples_per_second: f64,
    /// The metrics of the best weights.
    pub evaluation: &'a EvaluationReport,
    /// The metrics of a constant prediction, the mean face of the training set.
    pub mean_face: &'a EvaluationReport,
}

/// Writes `report.json` and `report.md` into the run's folder.
pub fn write_report(folder: &Path, report: &Report<'_>) -> Result<()> {
    let json = serde_json::to_string_pretty(report)?;
    write_text(&folder.join("report.json"), &(json + "\n"))?;
    write_text(&folder.join("report.md"), &markdown(report)?)
}

fn markdown(report: &Report<'_>) -> Result<String> {
    let mut page = String::new();
    let best = report.progress.best.map_or(0, |best| best.epoch);
    writeln!(page, "# Training report\n")?;
    writeln!(page, "- data: {}", report.data.replace('\n', "\n  "))?;
    writeln!(page, "- parameters: {}", report.parameters)?;
    writeln!(
        page,
        "- epochs: {}, the best by `{}`: {best}",
        report.progress.epochs_done, report.monitor
    )?;
    writeln!(
        page,
        "- time: {:.0} s, {:.0} training samples per second\n",
        report.seconds, report.samples_per_second
    )?;
    writeln!(page, "## {}\n", heading(report.selected_on))?;
    writeln!(page, "| metric | network | mean face |\n|---|---|---|")?;
    for ((name, ours), (_, mean)) in metrics(report.evaluation)
        .iter()
        .zip(metrics(report.mean_face))
    {
        writeln!(page, "| {name} | {ours} | {mean} |")?;
    }
    writeln!(
        page,
        "\n## Per keypoint\n\n| keypoint | MAE px | RMSE px | scored |\n|---|---|---|---|"
    )?;
    for keypoint in &report.evaluation.per_keypoint {
        let (mae, rmse) = (number(keypoint.mae_px, 3), number(keypoint.rmse_px, 3));
        writeln!(
            page,
            "| {} | {mae} | {rmse} | {} |",
            keypoint.name, keypoint.scored
        )?;
    }
    writeln!(
        page,
        "\n![curves](curves.png)\n\n![errors of the keypoints](keypoint_errors.png)\n\n![overlay](overlay.png)"
    )?;
    Ok(page)
}

/// The heading of the metrics, which says on which part they are measured.
pub fn heading(selected_on: SelectionPart) -> &'static str {
    match selected_on {
        SelectionPart::Carved => {
            "Best weights, on the part of the training data on which they were chosen"
        }
        SelectionPart::Validation => {
            "Best weights, on the validation part on which they were chosen (optimistic)"
        }
    }
}

/// The metrics of an evaluation as a table for a terminal.
pub fn table(evaluation: &EvaluationReport) -> String {
    let mut lines = Vec::new();
    for (name, value) in metrics(evaluation) {
        lines.push(format!("{name:<26} {value:>10}"));
    }
    lines.push(String::new());
    let widest = evaluation
        .per_keypoint
        .iter()
        .map(|keypoint| keypoint.name.len())
        .max();
    let width = widest.unwrap_or(0).max(26);
    lines.push(format!(
        "{:<width$} {:>10} {:>10} {:>8}",
        "keypoint", "MAE px", "RMSE px", "scored"
    ));
    for keypoint in &evaluation.per_keypoint {
        let (mae, rmse) = (number(keypoint.mae_px, 3), number(keypoint.rmse_px, 3));
        lines.push(format!(
            "{:<width$} {mae:>10} {rmse:>10} {:>8}",
            keypoint.name, keypoint.scored
        ));
    }
    lines.join("\n")
}

fn metrics(evaluation: &EvaluationReport) -> Vec<(String, String)> {
    let percent =
        |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("{:.2} %", 100.0 * v));
    let row = |name: &str, value: String| (name.to_owned(), value);
    let nme = &evaluation.nme;
    let mut rows = vec![
        row("samples", evaluation.samples.to_string()),
        row("loss", number(evaluation.loss, 5)),
        row("MAE, px", number(evaluation.mae_px, 3)),
        row("MAE, normalized", number(evaluation.mae_norm, 5)),
        row("RMSE, px", number(evaluation.rmse_px, 3)),
        row("NME, inter-ocular", percent(nme.inter_ocular)),
        row("NME, inter-pupil", percent(nme.inter_pupil)),
        row("NME, box", percent(nme.by_box)),
    ];
    let other = nme.other.iter();
    rows.extend(other.map(|(name, value)| (format!("NME, {name}"), percent(*value))));
    rows.push(row(
        "failure rate at 8 %",
        percent(evaluation.failure_rate_8),
    ));
    rows.push(row("AUC up to 8 %", number(evaluation.auc_8, 4)));
    rows
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
}
