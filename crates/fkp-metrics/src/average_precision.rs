//! Average precision of face detections.

use crate::detection_match::{MatchRule, Matched};
use crate::threshold::name_with_percent;
use fkp_core::{
    Detection, Direction, LabeledBox, Metric, Prediction, Purpose, Rng, Sample, rng_for,
};

/// The area under the precision-recall curve of the detections in all images.
///
/// The curve has a point for each score: the detections with at least this score have a precision,
/// the fraction of them that are hits, and a recall, the fraction of the faces that they hit. The
/// precision at a recall is the highest one at this recall or a larger one, and the area is that of
/// all points, not of 11 (Everingham et al., *The Pascal Visual Object Classes Challenge 2010*; WIDER
/// FACE does the same). [`MatchRule`] says what is a hit, and what does not count.
///
/// ```
/// use fkp_core::{BoundingBox, Detection, LabeledBox, Metric};
/// use fkp_metrics::{AveragePrecision, MatchRule};
/// let bounds = |x| BoundingBox::from_image_edges(x, 0.0, 10.0, 10.0);
/// let found = |x, score| Detection { bounds: bounds(x), score };
/// let mut ap = AveragePrecision::new(MatchRule::default());
/// // Two faces: one is found, then something else, then the other face.
/// let faces = [LabeledBox::face(bounds(0.0)), LabeledBox::face(bounds(20.0))];
/// ap.add(&[found(1.0, 0.9), found(50.0, 0.8), found(20.0, 0.7)], &faces);
/// assert_eq!(ap.name(), "ap_50");
/// assert_eq!(ap.value(), Some(0.5 * 1.0 + 0.5 * 2.0 / 3.0));
/// assert_eq!(ap.at_precision(0.9).map(|point| point.recall), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AveragePrecision {
    rule: MatchRule,
    name: String,
    detections: Vec<Counted>,
    /// The number of faces that count in each image.
    faces: Vec<usize>,
}

/// The detections with at least a score, in all images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// The lowest score.
    pub threshold: f32,
    /// The fraction of the detections that are hits.
    pub precision: f64,
    /// The fraction of the faces that are found.
    pub recall: f64,
}

/// A detection that counts, and the number of its image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Counted {
    matched: Matched,
    image: usize,
}

/// The number of detections with at least a score.
#[derive(Debug, Clone, Copy)]
struct Point {
    score: f32,
    hits: usize,
    detections: usize,
}

impl AveragePrecision {
    /// Average precision, named `ap_50`, or `ap_50_min_20px` with a minimum height.
    ///
    /// # Panics
    /// If `min_iou` is not above 0 and at most 1, or `min_height_px` is negative or not finite.
    pub fn new(rule: MatchRule) -> Self {
        let MatchRule {
            min_iou,
            min_height_px,
        } = rule;
        assert!(
            min_iou > 0.0 && min_iou <= 1.0,
            "`min_iou` must be above 0 and at most 1, got {min_iou}"
        );
        assert!(
            min_height_px >= 0.0 && min_height_px.is_finite(),
            "`min_height_px` must be finite and not negative, got {min_height_px}"
        );
        let mut name = name_with_percent("ap", min_iou);
        if min_height_px > 0.0 {
            name += &format!("_min_{min_height_px}px");
        }
        Self {
            rule,
            name,
            detections: Vec::new(),
            faces: Vec::new(),
        }
    }

    /// Accumulates the detections of one more image, both in pixels of the same image.
    pub fn add(&mut self, detections: &[Detection], boxes: &[LabeledBox]) {
        let image = self.faces.len();
        let matched = self.rule.apply(detections, boxes);
        let counted = matched.detections.into_iter();
        self.detections
            .extend(counted.map(|matched| Counted { matched, image }));
        self.faces.push(matched.faces);
    }

    /// Number of faces that count.
    pub fn faces(&self) -> usize {
        self.faces.iter().sum()
    }

    /// Precision and recall of the detections with at least this score; `None` if no face or no such
    /// detection counts.
    pub fn at_threshold(&self, threshold: f32) -> Option<OperatingPoint> {
        let points = self.points();
        let point = points.iter().rev().find(|point| point.score >= threshold)?;
        self.operating_point(point)
    }

    /// The highest recall with at least this precision, and its threshold; `None` if no threshold
    /// has this precision, or no face counts.
    pub fn at_precision(&self, precision: f64) -> Option<OperatingPoint> {
        let points = self.points();
        let found = points.iter().rev().find(|p| p.precision() >= precision)?;
        self.operating_point(found)
    }

    /// The central 95 % interval of the average precision over samples of the images with
    /// replacement (the percentile bootstrap of Efron, *Bootstrap Methods*, 1979). The detections of
    /// an image are not independent, hence images. Samples without a face do not count. `None` if no
    /// face or no sample counts. The same seed gives the same interval.
    pub fn interval(&self, resamples: usize, seed: u64) -> Option<[f64; 2]> {
        let ranked = self.ranked();
        let count = self.faces.len();
        let mut rng = rng_for(seed, Purpose::Bootstrap, 0, 0);
        let mut values = Vec::new();
        for _ in 0..resamples {
            let mut weights = vec![0; count];
            for _ in 0..count {
                weights[(rng.next_u64() % count as u64) as usize] += 1;
            }
            let faces = self
                .faces
                .iter()
                .zip(&weights)
                .map(|(n, weight)| n * weight);
            values.extend(area(&points(&ranked, &weights), faces.sum()));
        }
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        Some([0.025, 0.975].map(|p| values[(p * last as f64).round() as usize]))
    }

    fn operating_point(&self, point: &Point) -> Option<OperatingPoint> {
        let recall = crate::keypoint_error::mean(point.hits as f64, self.faces())?;
        Some(OperatingPoint {
            threshold: point.score,
            precision: point.precision(),
            recall,
        })
    }

    /// The detections, highest score first.
    fn ranked(&self) -> Vec<Counted> {
        let mut ranked = self.detections.clone();
        ranked.sort_by(|a, b| b.matched.score.total_cmp(&a.matched.score));
        ranked
    }

    fn points(&self) -> Vec<Point> {
        points(&self.ranked(), &vec![1; self.faces.len()])
    }
}

impl Metric for AveragePrecision {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn update(&mut self, predicted: &Prediction, truth: &Sample) {
        self.add(&predicted.detections, &truth.boxes);
    }

    /// `None` until a face counts.
    fn value(&self) -> Option<f64> {
        area(&self.points(), self.faces())
    }

    fn reset(&mut self) {
        self.detections.clear();
        self.faces.clear();
    }
}

impl Point {
    fn precision(&self) -> f64 {
        self.hits as f64 / self.detections as f64
    }
}

/// One point for each score, highest first, where each image counts as often as its weight.
/// Detections of equal scores are one point, so that their order does not matter.
fn points(ranked: &[Counted], weights: &[usize]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let (mut hits, mut detections) = (0, 0);
    for Counted { matched, image } in ranked {
        let weight = weights[*image];
        if weight == 0 {
            continue;
        }
        hits += weight * usize::from(matched.is_hit);
        detections += weight;
        let score = matched.score;
        let point = Point {
            score,
            hits,
            detections,
        };
        match points.last_mut() {
            Some(last) if last.score == score => *last = point,
            _ => points.push(point),
        }
    }
    points
}

/// The area under the curve; `None` without faces.
fn area(points: &[Point], faces: usize) -> Option<f64> {
    let mut precision: f64 = 0.0;
    let mut sum = 0.0;
    // From the highest recall on, because a precision is also that of every lower recall.
    for (index, point) in points.iter().enumerate().rev() {
        precision = precision.max(point.precision());
        let before = index.checked_sub(1).map_or(0, |before| points[before].hits);
        sum += (point.hits - before) as f64 * precision;
    }
    crate::keypoint_error::mean(sum, faces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::BoundingBox;

    fn bounds(x: f64) -> BoundingBox {
        BoundingBox::from_image_edges(x, 0.0, 10.0, 10.0)
    }

    fn found(x: f64, score: f32) -> Detection {
        let bounds = bounds(x);
        Detection { bounds, score }
    }

    /// A row of this many faces with gaps.
    fn faces(count: usize) -> Vec<LabeledBox> {
        let x = (0..count).map(|i| 20.0 * i as f64);
        x.map(|x| LabeledBox::face(bounds(x))).collect()
    }

    fn new() -> AveragePrecision {
        AveragePrecision::new(MatchRule::default())
    }

    /// Five faces in two images; hits H and false positives F in the order of their scores:
    /// H 1/1, F 1/2, H 2/3, H 3/4, F 3/5, F 3/6, H 4/7, and one face that is not found.
    fn example() -> AveragePrecision {
        let mut ap = new();
        let first = [(0.0, 0.9), (500.0, 0.8), (20.0, 0.6), (500.0, 0.4)];
        let second = [(0.0, 0.7), (500.0, 0.5), (20.0, 0.3)];
        ap.add(&first.map(|(x, score)| found(x, score)), &faces(3));
        ap.add(&second.map(|(x, score)| found(x, score)), &faces(2));
        ap
    }

    #[test]
    fn the_area_is_the_one_computed_by_hand() {
        let ap = example();
        assert_eq!(ap.faces(), 5);
        let expected = (1.0 + 0.75 + 0.75 + 4.0 / 7.0) / 5.0;
        assert!((ap.value().unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn operating_points_are_those_of_the_curve() {
        let ap = example();
        let point = ap.at_threshold(0.55).unwrap();
        assert_eq!((point.threshold, point.precision), (0.6, 0.75));
        assert_eq!(point.recall, 0.6);
        assert_eq!(ap.at_threshold(0.95), None);
        assert_eq!(ap.at_precision(0.7), Some(point));
        assert_eq!(ap.at_precision(0.99).unwrap().threshold, 0.9);
        assert_eq!(ap.at_precision(0.0).unwrap().recall, 0.8);
        assert_eq!(ap.at_precision(1.01), None);
    }

    #[test]
    fn equal_scores_are_one_point_in_any_order() {
        let mut values = Vec::new();
        for x in [[0.0, 500.0, 20.0], [20.0, 0.0, 500.0]] {
            let mut ap = new();
            ap.add(&x.map(|x| found(x, 0.5)), &faces(2));
            values.push(ap.value().unwrap());
        }
        assert_eq!(values, [2.0 / 3.0; 2]);
    }

    #[test]
    fn without_faces_there_is_no_value_and_without_detections_it_is_zero() {
        let mut ap = new();
        assert_eq!((ap.value(), ap.interval(10, 0)), (None, None));
        ap.add(&[found(0.0, 0.9)], &[]);
        assert_eq!((ap.value(), ap.interval(10, 0)), (None, None));
        assert_eq!((ap.at_threshold(0.0), ap.at_precision(0.0)), (None, None));
        ap.add(&[], &faces(2));
        assert_eq!(ap.value(), Some(0.0));
        assert_eq!(ap.at_threshold(0.5).unwrap().recall, 0.0);
        ap.reset();
        assert_eq!(ap, new());
    }

    #[test]
    fn the_name_has_the_rule() {
        let name = |min_iou, min_height_px| {
            let rule = MatchRule {
                min_iou,
                min_height_px,
            };
            AveragePrecision::new(rule).name().to_owned()
        };
        assert_eq!(name(0.5, 0.0), "ap_50");
        assert_eq!(name(0.07, 12.5), "ap_7_min_12.5px");
        assert_eq!(new().direction(), Direction::HigherIsBetter);
    }

    #[test]
    #[should_panic(expected = "`min_iou` must be above 0")]
    fn an_overlap_of_nan_is_refused() {
        AveragePrecision::new(MatchRule {
            min_iou: f64::NAN,
            ..MatchRule::default()
        });
    }

    /// Images with one face, found in four of five: the average precision is a binomial proportion
    /// of the images, whose standard deviation is known.
    #[test]
    fn the_interval_is_that_of_the_images() {
        let mut ap = new();
        for i in 0..400 {
            let detections = [found(0.0, 0.5)];
            ap.add(&detections[..usize::from(i % 5 < 4)], &faces(1));
        }
        assert_eq!(ap.value(), Some(0.8));
        let [low, high] = ap.interval(1000, 0).unwrap();
        let half_width = 1.96 * (0.8f64 * 0.2 / 400.0).sqrt();
        assert!((0.8 - low - half_width).abs() < 0.005, "{low}");
        assert!((high - 0.8 - half_width).abs() < 0.005, "{high}");
        assert_eq!(ap.interval(1000, 0), Some([low, high]));
        assert_ne!(ap.interval(50, 1), ap.interval(50, 2));
        assert_eq!(ap.interval(0, 0), None);
    }
}
