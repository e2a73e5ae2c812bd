//! The seam between predictions and a figure that sums them up.

use crate::Keypoints;

/// A figure accumulated over pairs of predicted and true keypoints.
///
/// Truth points that nobody labelled are never scored.
pub trait Metric: Send {
    /// The field's name of the figure, such as `mae_px`.
    fn name(&self) -> &str;

    /// Takes one more picture into account. Both sets have the same length and frame (pixels).
    fn update(&mut self, predicted: &Keypoints, truth: &Keypoints);

    /// The figure so far, or `None` until something was scored.
    fn value(&self) -> Option<f64>;
}
