//! What each loss defines: its parameters, its unit and its formula.

use candle_core::{Result, Tensor, bail};

/// The unit in which errors of coordinates are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossUnit {
    /// The image is 2 wide and 2 high, see [`fkp_core::CoordinateFrame`].
    Normalized,
    /// Pixels of the crop.
    Pixels,
}

/// What a loss is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LossInput {
    /// The error of each coordinate.
    Coordinates,
    /// The error of each coordinate and the predicted scale of the errors.
    CoordinatesWithScale,
    /// The difference of each pixel of a heatmap.
    Heatmap,
}

/// A loss. Its file implements this.
pub(crate) trait Definition {
    /// What it can be computed from.
    fn inputs(&self) -> &'static [LossInput] {
        &[LossInput::Coordinates]
    }

    /// The parameters by their names in a configuration file. All must be positive and finite.
    fn parameters(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The unit of errors that the parameters assume.
    fn default_unit(&self) -> LossUnit {
        LossUnit::Normalized
    }

    /// The loss of each coordinate, given predicted minus labeled coordinates.
    ///
    /// Each branch of a formula gets only its own part of the error, min(|e|, edge) or |e| beyond
    /// the edge. Selecting between two whole branches would multiply the gradient of the other
    /// branch by 0, which is NaN where that gradient is infinite.
    fn of_coordinates(&self, _errors: &Tensor) -> Result<Tensor> {
        bail!("not a loss of coordinates")
    }

    /// The loss of each pixel of a heatmap, given predicted minus target values and the target.
    fn of_heatmap(&self, _differences: &Tensor, _target: &Tensor) -> Result<Tensor> {
        bail!("not a loss of heatmaps")
    }

    /// The weight of each pixel of a target heatmap; `None` if all are 1.
    fn pixel_weights(&self, _map: &[f32], _width: usize) -> Option<Vec<f32>> {
        None
    }
}

/// ln(1 + size / curvature) of sizes of at least 0.
pub(super) fn log_1p(size: &Tensor, curvature: f64) -> Result<Tensor> {
    size.affine(1.0 / curvature, 1.0)?.log()
}
