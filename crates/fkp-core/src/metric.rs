//! The seam between predictions and a number that sums them up.

use crate::{Prediction, Sample};

/// A number accumulated over predictions and the labeled samples they are for: what validation
/// computes, and what the best epoch is chosen by.
///
/// Keypoints that nobody labeled are never scored.
pub trait Metric: Send {
    /// The field's name of the metric, such as `mae_px`.
    fn name(&self) -> &str;

    /// Which values are better.
    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    /// Takes one more sample into account. Prediction and sample have the same number of keypoints
    /// and the same frame (pixels of the crop).
    fn update(&mut self, predicted: &Prediction, truth: &Sample);

    /// The value so far, or `None` until something was scored.
    fn value(&self) -> Option<f64>;

    /// Forgets everything.
    fn reset(&mut self);
}

/// Which values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// An error.
    LowerIsBetter,
    /// A score.
    HigherIsBetter,
}
