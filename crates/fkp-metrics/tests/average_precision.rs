//! Average precision against a second implementation: `golden/golden.py` wrote `golden.json`.

use fkp_core::{BoundingBox, Detection, LabeledBox, Metric};
use fkp_metrics::{AveragePrecision, MatchRule, OperatingPoint};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    images: Vec<Image>,
    results: Vec<Expected>,
}

#[derive(Deserialize)]
struct Image {
    /// x, y, width, height, ignore.
    faces: Vec<[f64; 5]>,
    /// x, y, width, height, score.
    detections: Vec<[f64; 5]>,
}

#[derive(Deserialize)]
struct Expected {
    min_iou: f64,
    min_height_px: f64,
    faces: usize,
    ap: f64,
    /// Score, recall, precision.
    at_precision_80: [f64; 3],
    at_threshold_50: [f64; 3],
}

fn bounds([x, y, width, height, _]: [f64; 5]) -> BoundingBox {
    BoundingBox::from_image_edges(x, y, width, height)
}

fn assert_point(found: Option<OperatingPoint>, [score, recall, precision]: [f64; 3]) {
    let found = found.expect("the curve has such a point");
    assert_eq!(found.threshold, score as f32);
    assert!((found.recall - recall).abs() < 1e-12);
    assert!((found.precision - precision).abs() < 1e-12);
}

#[test]
fn average_precision_is_that_of_a_second_implementation() {
    let golden: Golden =
        serde_json::from_str(include_str!("golden/golden.json")).expect("the file is valid");
    for expected in golden.results {
        let mut ap = AveragePrecision::new(MatchRule {
            min_iou: expected.min_iou,
            min_height_px: expected.min_height_px,
        });
        for image in &golden.images {
            let detections = image.detections.iter().map(|found| Detection {
                bounds: bounds(*found),
                score: found[4] as f32,
            });
            let faces = image.faces.iter().map(|face| LabeledBox {
                bounds: bounds(*face),
                ignore: face[4] == 1.0,
            });
            ap.add(&detections.collect::<Vec<_>>(), &faces.collect::<Vec<_>>());
        }
        let name = ap.name();
        assert_eq!(ap.faces(), expected.faces, "{name}");
        let value = ap.value().expect("there are faces");
        assert!((value - expected.ap).abs() < 1e-12, "{name}: {value}");
        assert_point(ap.at_precision(0.8), expected.at_precision_80);
        assert_point(ap.at_threshold(0.5), expected.at_threshold_50);
    }
}
