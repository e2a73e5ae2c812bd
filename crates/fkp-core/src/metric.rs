//! The trait that metrics implement.

use crate::{Prediction, Sample};

/// A value accumulated over predictions and the labeled samples that they are for. Validation
/// computes metrics, and the best epoch is chosen by one.
///
/// Unlabeled keypoints are never scored.
pub trait Metric: Send {
    /// The name of the metric in reports, such as `mae_px`.
    fn name(&self) -> &str;

    /// Whether lower or higher values are better.
    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    /// Accumulates one more sample. Prediction and sample have the same number of keypoints and are
    /// both in pixels of the crop.
    fn update(&mut self, predicted: &Prediction, truth: &Sample);

    /// The value so far, or `None` until something was scored.
    fn value(&self) -> Option<f64>;

    /// Resets the metric to its initial state.
    fn reset(&mut self);
}

/// Whether a metric is to be minimized or maximized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// An error.
    LowerIsBetter,
    /// A score.
    HigherIsBetter,
}
