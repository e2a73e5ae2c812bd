//! A whole report against values computed by hand, and properties of the accumulation.

use fkp_core::{
    CoordinateFrame, Direction, Keypoint, Keypoints, Metric, Prediction, Sample, Schema,
};
use fkp_metrics::{Auc, Evaluation, EvaluationReport, FailureRate, Mae, Nme, Normalizer, Rmse};
use proptest::prelude::*;

const FRAME: CoordinateFrame = CoordinateFrame {
    width: 100,
    height: 50,
};

/// Two eyes and a nose; normalized by the eyes' distance under the given name.
fn schema(pair: &str) -> Schema {
    serde_json::from_value(serde_json::json!({
        "name": "three",
        "keypoints": ["left", "right", "nose"],
        "flip_pairs": [["left", "right"]],
        "normalizing_pair": [{"name": pair, "from": ["left"], "to": ["right"]}],
    }))
    .expect("the schema is consistent")
}

fn two_images(schema: &Schema) -> Evaluation {
    let mut evaluation = Evaluation::new(schema, FRAME);
    // Errors (1, 0), (0, 2), (3, 4); eyes 40 apart; box √(40·10) = 20.
    let truth = Keypoints::from_xy(&[[60.0, 20.0], [20.0, 20.0], [40.0, 30.0]]);
    let predicted = Keypoints::from_xy(&[[61.0, 20.0], [20.0, 18.0], [43.0, 34.0]]);
    evaluation.add(&predicted, &truth);
    // Only two keypoints labeled, no eye distance; errors (6, 0), (0, 0); box √(20·5) = 10.
    let mut truth = Keypoints::from_xy(&[[60.0, 20.0], [20.0, 20.0], [40.0, 25.0]]);
    truth[1] = Keypoint::unlabeled();
    let predicted = Keypoints::from_xy(&[[66.0, 20.0], [f32::NAN, 0.0], [40.0, 25.0]]);
    evaluation.add(&predicted, &truth);
    evaluation
}

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-12)
}

#[test]
fn every_metric_has_the_value_computed_by_hand() {
    let report = two_images(&schema("inter_pupil")).report();
    assert_eq!(report.samples, 2);
    assert!(close(report.mae_px, 1.6)); // (1 + 2 + 3 + 4 + 6) / 10
    // x errors 1 + 3 + 6 in units of 2/100, y errors 2 + 4 in units of 2/50.
    assert!(close(report.mae_norm, (10.0 * 0.02 + 6.0 * 0.04) / 10.0));
    assert!(close(report.rmse_px, 6.6f64.sqrt())); // (1 + 4 + 9 + 16 + 36) / 10
    let first = (1.0 + 2.0 + 5.0) / 3.0;
    assert!(close(report.nme.inter_pupil, first / 40.0)); // 6.7 %
    assert!(close(report.nme.by_box, (first / 20.0 + 3.0 / 10.0) / 2.0));
    assert_eq!(report.nme.inter_ocular, None);
    assert_eq!(report.failure_rate_8, Some(0.0));
    assert!(close(report.auc_8, 1.0 - first / 40.0 / 0.08));
    let nose = &report.per_keypoint[2];
    assert_eq!((nose.name.as_str(), nose.scored), ("nose", 2));
    assert!(close(nose.mae_px, 7.0 / 4.0) && close(nose.rmse_px, 2.5));
    assert_eq!(report.per_keypoint[1].scored, 1);
}

#[test]
fn the_bias_of_a_keypoint_is_predicted_minus_true() {
    let mut evaluation = Evaluation::new(&schema("inter_pupil"), FRAME);
    let truth = Keypoints::from_xy(&[[60.0, 20.0], [20.0, 20.0], [40.0, 30.0]]);
    for (dx, dy) in [(3.0, 1.0), (-1.0, 2.0)] {
        let mut predicted = truth.clone();
        predicted[0].x += dx;
        predicted[0].y += dy;
        evaluation.add(&predicted, &truth);
    }
    let report = evaluation.report();
    assert_eq!(report.per_keypoint[0].bias_px, Some([1.0, 1.5]));
    assert_eq!(report.per_keypoint[1].bias_px, Some([0.0, 0.0]));
}

#[test]
fn the_json_has_exactly_the_documented_keys() {
    let mut report = two_images(&schema("inter_pupil")).report();
    report.loss = Some(0.25);
    let json = serde_json::to_value(&report).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        keys(&json),
        "auc_8 failure_rate_8 loss mae_norm mae_px nme per_keypoint rmse_px samples"
    );
    assert_eq!(keys(&json["nme"]), "box inter_ocular inter_pupil");
    assert!(json["nme"]["inter_ocular"].is_null());
    assert_eq!(
        keys(&json["per_keypoint"][0]),
        "bias_px mae_px name rmse_px scored"
    );
    let back: EvaluationReport = serde_json::from_value(json).unwrap();
    assert_eq!(back, report);
}

#[test]
fn other_normalizing_pairs_keep_their_names() {
    let report = two_images(&schema("palm")).report();
    assert!(report.nme.other["palm"].is_some());
    assert_eq!(report.nme.inter_pupil, None);
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["nme"]["palm"].is_number());
    let back: EvaluationReport = serde_json::from_value(json).unwrap();
    assert_eq!(back, report);
}

#[test]
fn an_empty_evaluation_has_no_values() {
    let report = Evaluation::new(&Schema::kaggle15(), FRAME).report();
    assert_eq!((report.samples, report.mae_px), (0, None));
    assert_eq!((report.failure_rate_8, report.auc_8), (None, None));
    assert_eq!(report.per_keypoint.len(), 15);
}

#[test]
fn a_prediction_of_nan_is_infinitely_wrong_and_never_nan() {
    let mut evaluation = two_images(&schema("inter_pupil"));
    let truth = Keypoints::from_xy(&[[60.0, 20.0], [20.0, 20.0], [40.0, 30.0]]);
    let mut predicted = truth.clone();
    predicted[0].x = f32::NAN;
    evaluation.add(&predicted, &truth);
    let report = evaluation.report();
    let infinite = Some(f64::INFINITY);
    assert_eq!((report.mae_px, report.rmse_px), (infinite, infinite));
    assert_eq!((report.mae_norm, report.nme.by_box), (infinite, infinite));
    assert_eq!(report.per_keypoint[0].mae_px, infinite);
    assert_eq!(report.per_keypoint[0].bias_px, None);
    let json = serde_json::to_string(&report).unwrap();
    let back: EvaluationReport = serde_json::from_str(&json).unwrap();
    assert_eq!(back.per_keypoint[1], report.per_keypoint[1]);
    assert!(report.per_keypoint[1].mae_px.unwrap().is_finite());
    assert_eq!(report.failure_rate_8, Some(0.5));
    assert!(report.auc_8.unwrap() > 0.0);
}

fn face() -> impl Strategy<Value = Keypoints> {
    let keypoint = (-50.0f32..150.0, -50.0f32..150.0, 0..4);
    prop::collection::vec(keypoint, 15).prop_map(|keypoints| {
        let keypoint = |(x, y, label)| match label {
            0 => Keypoint::unlabeled(),
            _ => Keypoint::new(x, y),
        };
        keypoints.into_iter().map(keypoint).collect()
    })
}

fn guess() -> impl Strategy<Value = Keypoints> {
    prop::collection::vec((-50.0f32..150.0, -50.0f32..150.0), 15).prop_map(|keypoints| {
        keypoints
            .into_iter()
            .map(|(x, y)| Keypoint::new(x, y))
            .collect()
    })
}

fn evaluate(pairs: &[(Keypoints, Keypoints)]) -> Evaluation {
    let mut evaluation = Evaluation::new(&Schema::kaggle15(), FRAME);
    for (predicted, truth) in pairs {
        evaluation.add(predicted, truth);
    }
    evaluation
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn predictions_of_unlabeled_keypoints_do_not_matter(
        predicted in guess(), truth in face(), x in prop::num::f32::ANY, y in prop::num::f32::ANY,
    ) {
        let mut other = predicted.clone();
        for index in 0..other.len() {
            if !truth[index].is_labeled() {
                other[index] = Keypoint::new(x, y);
            }
        }
        let report = evaluate(&[(predicted, truth.clone())]).report();
        prop_assert_eq!(report, evaluate(&[(other, truth)]).report());
    }

    #[test]
    fn the_single_metrics_agree_with_the_report(
        pairs in prop::collection::vec((guess(), face()), 1..8),
    ) {
        let schema = Schema::kaggle15();
        let preferred = Normalizer::preferred(&schema);
        let mut metrics: [Box<dyn Metric>; 5] = [
            Box::new(Mae::default()),
            Box::new(Rmse::default()),
            Box::new(Nme::new(preferred.clone())),
            Box::new(FailureRate::new(preferred.clone(), 0.08)),
            Box::new(Auc::new(preferred, 0.08)),
        ];
        for (predicted, truth) in &pairs {
            let image = fkp_core::Image::filled(1, 1, 1, 0);
            let predicted = Prediction::new(predicted.clone());
            let truth = Sample::new("a", image, truth.clone());
            metrics.iter_mut().for_each(|metric| metric.update(&predicted, &truth));
        }
        let report = evaluate(&pairs).report();
        let expected = [
            ("mae_px", report.mae_px),
            ("rmse_px", report.rmse_px),
            ("nme_inter_pupil", report.nme.inter_pupil),
            ("failure_rate_8", report.failure_rate_8),
            ("auc_8", report.auc_8),
        ];
        for (metric, (name, value)) in metrics.iter().zip(expected) {
            prop_assert_eq!(metric.name(), name);
            prop_assert!(same(metric.value(), value));
            prop_assert!(same(report.value(name), value));
        }
        for metric in &mut metrics {
            metric.reset();
            prop_assert_eq!(metric.value(), None);
        }
    }
}

/// A user's metric is computed with the others and reported under its name.
#[test]
fn a_further_metric_is_reported_under_its_name() {
    #[derive(Default)]
    struct Confident(usize);
    impl Metric for Confident {
        fn name(&self) -> &str {
            "confident"
        }
        fn direction(&self) -> Direction {
            Direction::HigherIsBetter
        }
        fn update(&mut self, predicted: &Prediction, _: &Sample) {
            let sigma = predicted.sigma_px.iter().flatten();
            self.0 += sigma.filter(|sigma| **sigma < 1.0).count();
        }
        fn value(&self) -> Option<f64> {
            Some(self.0 as f64)
        }
        fn reset(&mut self) {
            self.0 = 0;
        }
    }
    let schema = schema("inter_pupil");
    let own: Vec<Box<dyn Metric>> = vec![Box::new(Confident::default())];
    let mut evaluation = Evaluation::new(&schema, FRAME).with_metrics(own);
    let keypoints = Keypoints::from_xy(&[[60.0, 20.0], [20.0, 20.0], [40.0, 30.0]]);
    let predicted = Prediction {
        sigma_px: Some(vec![0.5, 2.0, 0.9]),
        ..Prediction::new(keypoints.clone())
    };
    let image = fkp_core::Image::filled(1, 1, 1, 0);
    evaluation.update(&predicted, &Sample::new("a", image, keypoints));
    let report = evaluation.report();
    assert_eq!(report.value("confident"), Some(2.0));
    assert_eq!(report.value("mae_px"), Some(0.0));
    assert_eq!(report.value("nonesuch"), None);
    let names = evaluation.names();
    assert!(names.contains(&("confident".to_owned(), Direction::HigherIsBetter)));
    for (name, _) in names.iter().filter(|(name, _)| name != "loss") {
        assert!(report.value(name).is_some(), "{name}");
    }
}
