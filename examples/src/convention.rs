//! Files of label conventions.

use crate::write_text;
use anyhow::{Context, Result};
use fkp_core::{InputSpec, LabelConvention, LabelOffsets, Schema};
use fkp_metrics::EvaluationReport;
use std::path::Path;

/// Reads the offsets of a convention's file for a schema.
///
/// # Errors
/// If the file cannot be read, or the convention is of other keypoints.
pub fn read_convention(path: &Path, schema: &Schema) -> Result<(LabelConvention, LabelOffsets)> {
    let place = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(place)?;
    let convention: LabelConvention = toml::from_str(&text).with_context(place)?;
    let offsets = convention.offsets_of(schema).with_context(place)?;
    Ok((convention, offsets))
}

/// Writes the convention of the evaluated labels: the mean differences between them and the
/// predictions.
///
/// # Errors
/// If a keypoint was not labeled in any image, or the file cannot be written.
pub fn write_convention(
    path: &Path,
    report: &EvaluationReport,
    schema: &Schema,
    input: &InputSpec,
    measured: &str,
) -> Result<()> {
    let side = input.size as f64;
    let mut offsets = Vec::with_capacity(schema.len());
    for keypoint in &report.per_keypoint {
        let bias = keypoint.bias_px;
        let bias = bias.with_context(|| format!("no offset of `{}` is known", keypoint.name))?;
        // Five decimals are a thousandth of a pixel.
        offsets.push(bias.map(|c| (-c / side * 1e5).round() / 1e5));
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let convention = LabelConvention::new(&name, schema, measured, &offsets);
    write_text(path, &toml::to_string(&convention)?)
}
