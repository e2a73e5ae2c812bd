//! Decoding of the maps of a face detector.

use crate::{BoundingBox, Detection, non_maximum_suppression};

/// The maps of the output: score, center x and y, width, height.
pub(super) const CHANNELS: usize = 5;

/// The lowest score of a detection: low enough for a precision-recall curve.
pub(super) const MIN_SCORE: f32 = 0.02;

/// At most so many cells with the highest scores are looked at.
const MAX_CELLS: usize = 1000;

/// Detections that overlap by more are of one face.
pub(super) const MAX_IOU: f64 = 0.4;

/// The largest logarithm of a side in cells: 8000 of them.
const MAX_LOG_SIDE: f32 = 9.0;

/// The faces of an output `[5, height, width]` with at least this score, in pixels of the image.
pub(super) fn decode(
    values: &[f32],
    [height, width]: [usize; 2],
    stride: usize,
    min_score: f32,
) -> Vec<Detection> {
    let cells = height * width;
    let scores = &values[..cells];
    let min_score = min_score.max(MIN_SCORE);
    // Infinite for 1: the score of every detection is less.
    let min_logit = (min_score / (1.0 - min_score)).ln();
    let mut found: Vec<usize> = (0..cells).filter(|i| scores[*i] >= min_logit).collect();
    if found.len() > MAX_CELLS {
        found.select_nth_unstable_by(MAX_CELLS, |a, b| scores[*b].total_cmp(&scores[*a]));
        found.truncate(MAX_CELLS);
    }
    let stride = stride as f64;
    let detection = |i: usize| {
        let value = |channel: usize| values[channel * cells + i];
        let side = |channel| f64::from(value(channel).clamp(-MAX_LOG_SIDE, MAX_LOG_SIDE)).exp();
        let (w, h) = (side(3) * stride, side(4) * stride);
        let center =
            |cell: usize, channel| (cell as f64 + 0.5 + f64::from(value(channel))) * stride - 0.5;
        Detection {
            bounds: BoundingBox {
                x: center(i % width, 1) - w / 2.0,
                y: center(i / width, 2) - h / 2.0,
                width: w,
                height: h,
            },
            score: 1.0 / (1.0 + (-scores[i]).exp()),
        }
    };
    let found = found.into_iter().map(detection);
    let found = found.filter(|found| found.bounds.is_usable()).collect();
    non_maximum_suppression(found, MAX_IOU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CoordinateFrame, OutputSpec};

    #[test]
    fn cells_become_boxes_and_neighbors_of_one_face_are_merged() {
        let (height, width, stride) = (3, 4, 8);
        let mut values = vec![0.0; CHANNELS * height * width];
        values[..height * width].fill(-10.0);
        let mut put = |x: usize, y: usize, cell: [f32; 5]| {
            for (channel, value) in cell.into_iter().enumerate() {
                values[(channel * height + y) * width + x] = value;
            }
        };
        put(2, 1, [2.0, 0.25, -0.5, 2f32.ln(), 3f32.ln()]);
        // The same face, as its neighbor sees it.
        put(1, 1, [1.0, 1.25, -0.5, 2f32.ln(), 3f32.ln()]);
        put(0, 0, [f32::NAN, 0.0, 0.0, 0.0, 0.0]);
        let output = OutputSpec::Boxes { stride };
        let frame = CoordinateFrame {
            width: 32,
            height: 24,
        };
        let found = output.decode(&values, &[5, height, width], frame, 0);
        let found = found.unwrap().detections;
        assert_eq!(found.len(), 1);
        assert!((found[0].score - 0.880_797).abs() < 1e-5);
        // The center of cell (2, 1) is (19.5, 11.5); the face is 16 px wide and 24 px high.
        let (x, y) = found[0].bounds.center();
        assert!((x - 21.5).abs() < 1e-6 && (y - 7.5).abs() < 1e-6, "{x} {y}");
        assert!((found[0].bounds.width - 16.0).abs() < 1e-5);
        assert!((found[0].bounds.height - 24.0).abs() < 1e-5);
    }

    #[test]
    fn extreme_values_give_no_invalid_box() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
            let mut values = vec![value; CHANNELS * 2000];
            values[..2000].fill(5.0);
            let found = decode(&values, [40, 50], 8, MIN_SCORE);
            assert!(
                found.iter().all(|found| found.bounds.is_usable()),
                "{value}"
            );
        }
    }
}
