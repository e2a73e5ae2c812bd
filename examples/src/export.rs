//! Model files for programs that embed them.

use crate::say;
use anyhow::{Context, Result};
use fkp_core::Calibration;
use fkp_model::{ModelFile, Precision};
use fkp_train::write_atomic;
use std::path::Path;

/// Writes a model with two bytes per weight and with the calibration of its standard deviations.
///
/// # Errors
/// If the file cannot be written.
pub fn export_calibrated(
    model: &ModelFile,
    calibration: Option<Calibration>,
    path: &Path,
) -> Result<()> {
    let mut card = model.card.clone();
    card.task.calibration = calibration;
    let bytes = card.to_bytes(&model.weights, Precision::F16)?;
    write_atomic(path, &bytes).with_context(|| format!("{}: cannot write", path.display()))?;
    say!("exported: {}, {} bytes", path.display(), bytes.len());
    Ok(())
}
