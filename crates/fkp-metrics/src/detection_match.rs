//! Which detections of an image are hits, and which are false positives.

use fkp_core::{BoundingBox, Detection, LabeledBox};

/// When a detection is a hit, and which faces count.
///
/// A box that is marked to be ignored, or that is shorter than the minimum height, is neither a face
/// to find nor background. A detection that is not a hit does not count if
///
/// - it is itself shorter than the minimum height, or
/// - it overlaps no face that counts by `min_iou`, but a box that does not count; or more than half
///   of it lies in a box that is marked to be ignored, which may be a crowd.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchRule {
    /// The smallest intersection over union of a face and a detection that is a hit; above 0, at
    /// most 1.
    pub min_iou: f64,
    /// The height of the smallest faces that count, in pixels of the image that is predicted.
    pub min_height_px: f64,
}

impl Default for MatchRule {
    /// An intersection over union of 0.5 and faces of every size (Yang et al., *WIDER FACE: A Face
    /// Detection Benchmark*, CVPR 2016).
    fn default() -> Self {
        Self {
            min_iou: 0.5,
            min_height_px: 0.0,
        }
    }
}

/// What counts in an image.
pub(crate) struct MatchedImage {
    /// The detections that are hits or false positives, highest score first.
    pub(crate) detections: Vec<Matched>,
    /// Number of faces that count.
    pub(crate) faces: usize,
}

/// A detection that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Matched {
    pub(crate) score: f32,
    pub(crate) is_hit: bool,
}

impl MatchRule {
    /// Matches detections with faces: in the order of their scores, each with the face that it
    /// overlaps most among those without a detection.
    pub(crate) fn apply(&self, detections: &[Detection], boxes: &[LabeledBox]) -> MatchedImage {
        let (faces, others): (Vec<&LabeledBox>, Vec<&LabeledBox>) =
            boxes.iter().partition(|label| self.is_counted(label));
        let mut order: Vec<&Detection> = detections.iter().collect();
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let mut is_found = vec![false; faces.len()];
        let mut matched = Vec::new();
        for detection in order {
            let overlaps: Vec<f64> = faces.iter().map(|face| iou(detection, face)).collect();
            let overlapped = (0..faces.len()).filter(|i| overlaps[*i] >= self.min_iou);
            let hit = overlapped
                .clone()
                .filter(|i| !is_found[*i])
                .max_by(|a, b| overlaps[*a].total_cmp(&overlaps[*b]));
            let is_duplicate = overlapped.clone().next().is_some();
            let is_false_positive = || {
                // Not so for a height that is not a number.
                let is_short = detection.bounds.height < self.min_height_px;
                let is_hidden = || others.iter().any(|label| self.hides(label, detection));
                !is_short && (is_duplicate || !is_hidden())
            };
            match hit {
                Some(face) => is_found[face] = true,
                None if is_false_positive() => {}
                None => continue,
            }
            matched.push(Matched {
                score: score(detection),
                is_hit: hit.is_some(),
            });
        }
        MatchedImage {
            detections: matched,
            faces: faces.len(),
        }
    }

    fn is_counted(&self, label: &LabeledBox) -> bool {
        !label.ignore && label.bounds.height >= self.min_height_px
    }

    /// Whether a box that does not count is what the detection found.
    fn hides(&self, label: &LabeledBox, detection: &Detection) -> bool {
        let found = &detection.bounds;
        iou(detection, label) >= self.min_iou
            || label.ignore && intersection(found, &label.bounds) > 0.5 * found.width * found.height
    }
}

/// The score, or the lowest one if it is not a number.
fn score(detection: &Detection) -> f32 {
    match detection.score.is_nan() {
        true => f32::NEG_INFINITY,
        false => detection.score,
    }
}

/// Intersection over union; 0 for a detection whose box is not finite.
fn iou(detection: &Detection, label: &LabeledBox) -> f64 {
    match detection.bounds.is_usable() {
        true => detection.bounds.iou(&label.bounds),
        false => 0.0,
    }
}

fn intersection(a: &BoundingBox, b: &BoundingBox) -> f64 {
    let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
    let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
    width.max(0.0) * height.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of this width and height.
    fn bounds(x: f64, y: f64, width: f64, height: f64) -> BoundingBox {
        BoundingBox::from_image_edges(x, y, width, height)
    }

    fn face(x: f64, height: f64) -> LabeledBox {
        LabeledBox::face(bounds(x, 0.0, 10.0, height))
    }

    fn ignored(x: f64, width: f64) -> LabeledBox {
        LabeledBox {
            bounds: bounds(x, 0.0, width, 10.0),
            ignore: true,
        }
    }

    fn found(bounds: BoundingBox, score: f32) -> Detection {
        Detection { bounds, score }
    }

    fn at(x: f64, score: f32) -> Detection {
        found(bounds(x, 0.0, 10.0, 10.0), score)
    }

    /// The score of each detection that counts, and whether it is a hit.
    fn matched(rule: MatchRule, found: &[Detection], boxes: &[LabeledBox]) -> Vec<(f32, bool)> {
        let image = rule.apply(found, boxes);
        let matched = image.detections.iter();
        matched.map(|found| (found.score, found.is_hit)).collect()
    }

    fn at_least(min_height_px: f64) -> MatchRule {
        MatchRule {
            min_height_px,
            ..MatchRule::default()
        }
    }

    #[test]
    fn a_face_is_hit_once_by_the_highest_score() {
        let any = MatchRule::default();
        let faces = [face(0.0, 10.0)];
        let twice = matched(any, &[at(0.0, 0.5), at(1.0, 0.9)], &faces);
        assert_eq!(twice, [(0.9, true), (0.5, false)]);
        // The overlap is exactly the limit, or just below it.
        let exact = found(bounds(0.0, 0.0, 10.0, 5.0), 0.5);
        let below = found(bounds(0.0, 0.0, 10.0, 4.99), 0.5);
        assert_eq!(matched(any, &[exact], &faces), [(0.5, true)]);
        assert_eq!(matched(any, &[below], &faces), [(0.5, false)]);
        // The second detection overlaps the first face most, which is found already.
        let faces = [face(0.0, 10.0), face(4.0, 10.0)];
        let both = matched(any, &[at(0.0, 0.9), at(1.0, 0.8)], &faces);
        assert_eq!(both, [(0.9, true), (0.8, true)]);
        assert_eq!(any.apply(&[], &faces).faces, 2);
    }

    #[test]
    fn ignored_boxes_are_neither_hits_nor_false_positives() {
        let any = MatchRule::default();
        let crowd = [ignored(0.0, 100.0)];
        // Mostly inside, half inside, outside.
        let detections = [at(20.0, 0.9), at(94.0, 0.8), at(95.0, 0.7), at(120.0, 0.6)];
        assert_eq!(
            matched(any, &detections, &crowd),
            [(0.7, false), (0.6, false)]
        );
        assert_eq!(any.apply(&detections, &crowd).faces, 0);
        // A detection that is larger than the ignored box, and overlaps it by 0.5.
        let around = found(bounds(0.0, 0.0, 10.0, 20.0), 0.9);
        assert_eq!(matched(any, &[around], &[ignored(0.0, 10.0)]), []);
        // A second detection of a face that counts is a false positive in a crowd, too.
        let both = [face(20.0, 10.0), ignored(0.0, 100.0)];
        let twice = matched(any, &[at(20.0, 0.9), at(21.0, 0.8)], &both);
        assert_eq!(twice, [(0.9, true), (0.8, false)]);
    }

    #[test]
    fn faces_and_false_positives_below_the_minimum_height_do_not_count() {
        let rule = at_least(8.0);
        let faces = [face(0.0, 8.0), face(50.0, 7.9)];
        let detections = [
            found(bounds(0.0, 0.0, 10.0, 7.0), 0.9),  // short, and a hit
            found(bounds(50.0, 0.0, 10.0, 9.0), 0.8), // tall, of a short face
            found(bounds(80.0, 0.0, 10.0, 7.9), 0.7), // short, of nothing
            found(bounds(80.0, 0.0, 10.0, 8.0), 0.6), // tall, of nothing
            // More than half of it lies in a short face, which is not a crowd.
            found(bounds(50.0, 0.0, 3.0, 8.0), 0.5),
        ];
        assert_eq!(
            matched(rule, &detections, &faces),
            [(0.9, true), (0.6, false), (0.5, false)]
        );
        assert_eq!(rule.apply(&detections, &faces).faces, 1);
    }

    #[test]
    fn what_is_not_a_number_is_a_false_positive_with_the_lowest_score() {
        let rule = at_least(8.0);
        let faces = [face(0.0, 10.0)];
        let mut lost = at(0.0, 0.9);
        lost.bounds.height = f64::NAN;
        let unscored = at(0.0, f32::NAN);
        assert_eq!(
            matched(rule, &[unscored, lost, at(1.0, 0.1)], &faces),
            [(0.9, false), (0.1, true), (f32::NEG_INFINITY, false)]
        );
    }
}
