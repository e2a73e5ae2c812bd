//! Tests of the losses: formulas, gradients, reading and checking.

use super::*;
use candle_core::{Device, Var};

fn coordinate_losses() -> Vec<Loss> {
    let losses = Loss::all().filter(|loss| loss.takes(LossInput::Coordinates));
    losses.collect()
}

fn values_and_gradients(loss: Loss, errors: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let errors = Var::from_slice(errors, errors.len(), &Device::Cpu).unwrap();
    let each = loss.each(&errors).unwrap();
    let grads = each.sum_all().unwrap().backward().unwrap();
    let grad = grads.get(&errors).unwrap().to_vec1().unwrap();
    (each.to_vec1().unwrap(), grad)
}

/// The formulas as the papers write them, branch by branch.
fn definition(loss: Loss, error: f64) -> f64 {
    let e = error.abs();
    match loss {
        Loss::Mae(Mae) => e,
        Loss::Mse(Mse) => e * e,
        Loss::SmoothL1(SmoothL1 { beta }) => match e < beta {
            true => 0.5 * e * e / beta,
            false => e - 0.5 * beta,
        },
        Loss::Wing(Wing { width, curvature }) => match e < width {
            true => width * (1.0 + e / curvature).ln(),
            false => e - (width - width * (1.0 + width / curvature).ln()),
        },
        Loss::SoftWing(SoftWing {
            inner,
            width,
            curvature,
        }) => match e < inner {
            true => e,
            false => {
                let b = inner - width * (1.0 + inner / curvature).ln();
                width * (1.0 + e / curvature).ln() + b
            }
        },
        Loss::Nll(_) | Loss::AdaptiveWing(_) => panic!("not of coordinates"),
    }
}

#[test]
fn values_and_gradients_follow_the_definitions() {
    let errors: Vec<f64> = (-60..60).map(|i| f64::from(i) * 0.49 + 0.11).collect();
    assert_eq!(coordinate_losses().len(), 5);
    for loss in coordinate_losses() {
        let (values, gradients) = values_and_gradients(loss, &errors);
        for ((&e, value), gradient) in errors.iter().zip(values).zip(gradients) {
            assert!((value - definition(loss, e)).abs() < 1e-12, "{loss:?} {e}");
            let h = 1e-6;
            let expected = (definition(loss, e + h) - definition(loss, e - h)) / (2.0 * h);
            assert!((gradient - expected).abs() < 1e-6, "{loss:?} {e}");
        }
    }
}

#[test]
fn values_are_those_of_pytorch() {
    let list = crate::golden::golden("losses");
    let errors = list("errors");
    for (name, loss) in [
        ("l1", Loss::from(Mae)),
        ("mse", Mse.into()),
        ("smooth_l1", SmoothL1::default().into()),
        ("smooth_l1_3", SmoothL1 { beta: 3.0 }.into()),
    ] {
        let (values, gradients) = values_and_gradients(loss, &errors);
        let expected = list(name).into_iter().zip(list(&format!("{name}.grad")));
        for (got, expected) in values.into_iter().zip(gradients).zip(expected) {
            assert!((got.0 - expected.0).abs() < 1e-12, "{name}");
            assert!((got.1 - expected.1).abs() < 1e-12, "{name}");
        }
    }
}

#[test]
fn gradients_of_zero_and_huge_errors_are_finite() {
    for loss in coordinate_losses() {
        let (values, gradients) = values_and_gradients(loss, &[0.0, -0.0, 1e12, -1e12]);
        assert_eq!(values[..2], [0.0, 0.0], "{loss:?}");
        assert!(gradients.iter().all(|g| g.is_finite()), "{loss:?}");
        // NaN and infinity must not become finite, or they would not be detected.
        let (values, _) = values_and_gradients(loss, &[f64::NAN, f64::INFINITY]);
        assert!(values.iter().all(|v| !v.is_finite()), "{loss:?}");
    }
}

#[test]
fn a_loss_is_read_from_its_name_or_its_parameters() {
    let parse = |text: &str| serde_json::from_str::<Loss>(text);
    assert_eq!(Loss::all().count(), Loss::NAMES.len());
    for loss in Loss::all() {
        let text = serde_json::to_string(&loss).unwrap();
        assert_eq!(parse(&text).unwrap(), loss);
    }
    assert_eq!(serde_json::to_string(&Loss::from(Mae)).unwrap(), "\"mae\"");
    assert_eq!(parse("\"wing\"").unwrap(), Wing::default().into());
    assert_eq!(
        parse("{\"soft_wing\": {}}").unwrap(),
        SoftWing::default().into()
    );
    let wing = parse("{\"wing\": {\"width\": 5.0}}").unwrap();
    assert_eq!(
        wing,
        Loss::Wing(Wing {
            width: 5.0,
            curvature: 2.0
        })
    );
    for (text, part) in [
        ("\"wings\"", "unknown variant `wings`"),
        ("{\"wing\": {\"w\": 5.0}}", "unknown field `w`"),
        ("{\"wing\": {}, \"mae\": null}", "alone or with parameters"),
        ("{}", "alone or with parameters"),
        (
            "3",
            "one of mae, mse, smooth_l1, wing, soft_wing, nll, adaptive_wing",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn invalid_parameters_are_refused_by_name() {
    let loss = Loss::from(Wing {
        width: 10.0,
        curvature: 0.0,
    });
    let error = loss.validate().unwrap_err().to_string();
    assert!(error.starts_with("train.loss.wing.curvature"), "{error}");
    assert!(Loss::from(SmoothL1 { beta: f64::NAN }).validate().is_err());
    assert!(Loss::all().all(|loss| loss.validate().is_ok()));
}
