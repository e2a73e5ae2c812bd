//! The error of one keypoint, and the keypoints that are scored.

use fkp_core::{Keypoint, Keypoints};

/// Error `[x, y]` in pixels, predicted − true. Infinite on both axes if the prediction is not
/// finite or is unlabeled, so that sums of magnitudes become infinite and never NaN.
pub(crate) fn error_px(predicted: &Keypoint, truth: &Keypoint) -> [f64; 2] {
    let dx = f64::from(predicted.x) - f64::from(truth.x);
    let dy = f64::from(predicted.y) - f64::from(truth.y);
    if predicted.is_labeled() && dx.is_finite() && dy.is_finite() {
        [dx, dy]
    } else {
        [f64::INFINITY; 2]
    }
}

/// Index and [`error_px`] of every keypoint that is labeled in the truth.
///
/// # Panics
/// If the two sets have different lengths.
pub(crate) fn scored<'a>(
    predicted: &'a Keypoints,
    truth: &'a Keypoints,
) -> impl Iterator<Item = (usize, [f64; 2])> + 'a {
    assert_eq!(
        predicted.len(),
        truth.len(),
        "prediction and truth have different numbers of keypoints"
    );
    truth
        .labeled()
        .map(|(index, truth)| (index, error_px(&predicted[index], truth)))
}

/// `sum / count`, or `None` if `count` is zero.
pub(crate) fn mean(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_prediction_that_is_not_finite_is_infinite() {
        let truth = Keypoint::new(1.0, 2.0);
        assert_eq!(error_px(&Keypoint::new(4.0, 0.0), &truth), [3.0, -2.0]);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = error_px(&Keypoint::new(4.0, bad), &truth);
            assert_eq!(error, [f64::INFINITY; 2]);
        }
        let missing = error_px(&Keypoint::unlabeled(), &truth);
        assert_eq!(missing, [f64::INFINITY; 2]);
    }
}
