//! Adam against its definition, clipping, and the saved state.

use std::collections::HashMap;

use super::*;
use crate::{StepOutcome, backward};
use candle_core::{DType, Device, Var};

fn var(values: &[f32]) -> Var {
    Var::from_slice(values, values.len(), &Device::Cpu).unwrap()
}

fn named(vars: &[&Var]) -> Vec<(String, Var)> {
    vars.iter()
        .enumerate()
        .map(|(i, v)| (format!("p{i}"), (*v).clone()))
        .collect()
}

/// One step on the loss `Σ p²`.
fn step(adam: &mut Adam, vars: &[&Var], lr: f64) -> StepOutcome {
    let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu).unwrap();
    for v in vars {
        loss = (loss + v.sqr().unwrap().sum_all().unwrap()).unwrap();
    }
    adam.step(&backward(&loss).unwrap(), lr).unwrap()
}

#[test]
fn first_step_has_the_size_of_the_learning_rate() {
    let p = var(&[1.0, -2.0]);
    let mut adam = Adam::new(named(&[&p]), AdamConfig::default()).unwrap();
    let _ = step(&mut adam, &[&p], 0.1);
    let got = p.to_vec1::<f32>().unwrap();
    assert!(
        (got[0] - 0.9).abs() < 1e-6 && (got[1] + 1.9).abs() < 1e-6,
        "{got:?}"
    );
}

#[test]
fn matches_the_definition_with_every_option() {
    for decay in [
        WeightDecay::None,
        WeightDecay::Coupled(0.1),
        WeightDecay::Decoupled(0.1),
    ] {
        for max_grad_norm in [None, Some(0.5)] {
            let config = AdamConfig {
                weight_decay: decay,
                max_grad_norm,
                ..Default::default()
            };
            let p = var(&[0.7, -1.3, 0.2]);
            let mut adam = Adam::new(named(&[&p]), config).unwrap();
            let mut q: Vec<f64> = vec![0.7, -1.3, 0.2];
            let (mut m, mut v) = (vec![0.0f64; 3], vec![0.0f64; 3]);
            for t in 1..=5 {
                let norm = step(&mut adam, &[&p], 0.01).norm;
                let mut g: Vec<f64> = q.iter().map(|q| 2.0 * q).collect();
                let true_norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
                assert_eq!(norm.is_some(), max_grad_norm.is_some());
                if let Some(max) = max_grad_norm {
                    assert!((norm.unwrap() - true_norm).abs() < 1e-5);
                    g.iter_mut().for_each(|g| *g *= (max / true_norm).min(1.0));
                }
                for i in 0..3 {
                    if let WeightDecay::Coupled(l) = decay {
                        g[i] += l * q[i];
                    }
                    m[i] = 0.9 * m[i] + 0.1 * g[i];
                    v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                    let (mh, vh) = (
                        m[i] / (1.0 - 0.9f64.powi(t)),
                        v[i] / (1.0 - 0.999f64.powi(t)),
                    );
                    if let WeightDecay::Decoupled(l) = decay {
                        q[i] *= 1.0 - 0.01 * l;
                    }
                    q[i] -= 0.01 * mh / (vh.sqrt() + 1e-8);
                }
            }
            for (a, b) in p.to_vec1::<f32>().unwrap().iter().zip(&q) {
                assert!(
                    (f64::from(*a) - b).abs() < 1e-5,
                    "{decay:?} {max_grad_norm:?}: {a} {b}"
                );
            }
        }
    }
}

#[test]
fn candle_operations_give_the_same_result() {
    let (p, mut adam) = {
        let p = var(&[0.7, -1.3]);
        let adam = Adam::new(named(&[&p]), AdamConfig::adamw(0.1)).unwrap();
        (p, adam)
    };
    let q = Var::from_tensor(&var(&[0.7, -1.3]).to_dtype(DType::F64).unwrap()).unwrap();
    let mut reference = Adam::new(named(&[&q]), AdamConfig::adamw(0.1)).unwrap();
    for _ in 0..3 {
        let _ = step(&mut adam, &[&p], 0.01);
        let grads = backward(&q.sqr().unwrap()).unwrap();
        let _ = reference.step(&grads, 0.01).unwrap();
    }
    let (p, q) = (p.to_vec1::<f32>().unwrap(), q.to_vec1::<f64>().unwrap());
    assert!(
        p.iter()
            .zip(&q)
            .all(|(p, q)| (f64::from(*p) - q).abs() < 1e-6),
        "{p:?} {q:?}"
    );
}

#[test]
fn resuming_from_a_state_is_bit_identical() {
    let (a, b) = (var(&[1.0, 2.0]), var(&[3.0]));
    let mut adam = Adam::new(named(&[&a, &b]), AdamConfig::default()).unwrap();
    let _ = step(&mut adam, &[&a, &b], 0.1);
    let state: HashMap<_, _> = adam.state().unwrap().into_iter().collect();
    let (a2, b2) = (var(&a.to_vec1().unwrap()), var(&b.to_vec1().unwrap()));
    let mut other = Adam::new(named(&[&a2, &b2]), AdamConfig::default()).unwrap();
    other.load_state(&state).unwrap();
    let _ = step(&mut adam, &[&a, &b], 0.1);
    let _ = step(&mut other, &[&a2, &b2], 0.1);
    assert_eq!(other.steps(), 2);
    assert_eq!(a.to_vec1::<f32>().unwrap(), a2.to_vec1::<f32>().unwrap());
    assert_eq!(b.to_vec1::<f32>().unwrap(), b2.to_vec1::<f32>().unwrap());
}

#[test]
fn errors_name_the_invalid_state_entry_or_hyperparameter() {
    let p = var(&[1.0]);
    let mut adam = Adam::new(named(&[&p]), AdamConfig::default()).unwrap();
    let mut state: HashMap<_, _> = adam.state().unwrap().into_iter().collect();
    state.insert(
        "v.p0".into(),
        Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap(),
    );
    assert!(
        adam.load_state(&state)
            .unwrap_err()
            .to_string()
            .contains("\"v.p0\" is [2]")
    );
    state.remove("v.p0");
    assert!(
        adam.load_state(&state)
            .unwrap_err()
            .to_string()
            .contains("no entry \"v.p0\"")
    );
    let config = AdamConfig {
        beta2: f64::NAN,
        ..Default::default()
    };
    assert!(
        Adam::new(named(&[&p]), config)
            .unwrap_err()
            .to_string()
            .contains("beta2")
    );
    let twice = vec![("p".to_owned(), p.clone()), ("p".to_owned(), p.clone())];
    assert!(Adam::new(twice, AdamConfig::default()).is_err());
}

/// One value of the second variable's gradient is not finite: in a vector, or in the remainder.
#[test]
fn first_gradient_that_is_not_finite_is_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for place in [0, 18, 40_000] {
            let mut values = vec![0.5; 40_001];
            values[place] = bad;
            let factor = Tensor::new(values, &Device::Cpu).unwrap();
            let (p, q) = (var(&[1.0]), var(&vec![1.0; 40_001]));
            let loss = (q.as_tensor() * factor).unwrap().sum_all().unwrap();
            let loss = (loss + p.sum_all().unwrap()).unwrap();
            let grads = backward(&loss).unwrap();

            let mut unclipped = Adam::new(named(&[&p, &q]), AdamConfig::default()).unwrap();
            let outcome = unclipped.step(&grads, 0.1).unwrap();
            assert_eq!(
                (outcome.norm, outcome.not_finite),
                (None, Some("p1".into()))
            );
            assert_eq!(unclipped.steps(), 1);

            let (before, config) = (
                q.to_vec1::<f32>().unwrap(),
                AdamConfig {
                    max_grad_norm: Some(1.0),
                    ..Default::default()
                },
            );
            let p_before = p.to_vec1::<f32>().unwrap();
            let mut clipped = Adam::new(named(&[&p, &q]), config).unwrap();
            let outcome = clipped.step(&grads, 0.1).unwrap();
            assert_eq!(outcome.not_finite.as_deref(), Some("p1"));
            assert!(!outcome.norm.unwrap().is_finite());
            assert_eq!(clipped.steps(), 0);
            assert_eq!(p.to_vec1::<f32>().unwrap(), p_before);
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&q.to_vec1::<f32>().unwrap()), bits(&before));
        }
    }
}

#[test]
fn product_that_is_not_finite_is_named() {
    let x = Tensor::full(f32::MAX, (2, 2085), &Device::Cpu).unwrap();
    let w = Var::zeros((37, 2085), DType::F32, &Device::Cpu).unwrap();
    let y = crate::linear(&x, &w, None, crate::Activation::Identity).unwrap();
    let loss = y.affine(10.0, 0.0).unwrap().sum_all().unwrap();
    let grads = backward(&loss).unwrap();
    let vars = vec![("w".to_owned(), w)];
    let mut adam = Adam::new(vars, AdamConfig::default()).unwrap();
    let outcome = adam.step(&grads, 0.1).unwrap();
    assert_eq!(outcome.not_finite.as_deref(), Some("w"));
}

#[test]
fn large_finite_gradients_count_as_finite() {
    let (p, mut adam) = {
        let p = var(&[1.0; 20]);
        let adam = Adam::new(named(&[&p]), AdamConfig::default()).unwrap();
        (p, adam)
    };
    let large = p.affine(f64::from(f32::MAX), 0.0).unwrap();
    let grads = backward(&large).unwrap();
    assert_eq!(adam.step(&grads, 0.1).unwrap(), StepOutcome::default());
}

#[test]
fn exempt_variables_do_not_decay() {
    for weight_decay in [WeightDecay::Coupled(0.5), WeightDecay::Decoupled(0.5)] {
        let config = AdamConfig {
            weight_decay,
            ..AdamConfig::default()
        };
        let steps = |config: AdamConfig, exempt: &dyn Fn(&str) -> bool| {
            let (a, b) = (var(&[1.0, -2.0]), var(&[3.0]));
            let mut adam = Adam::new(named(&[&a, &b]), config).unwrap();
            adam.exempt_from_decay(|name, value| exempt(name) && value.rank() == 1);
            for _ in 0..3 {
                // Not p²: its gradient is a multiple of p, as the decay is, and Adam ignores the
                // scale of a gradient.
                let fourth = |v: &Var| v.sqr().unwrap().sqr().unwrap().sum_all().unwrap();
                let loss = (fourth(&a) + fourth(&b)).unwrap();
                let _ = adam.step(&backward(&loss).unwrap(), 0.1).unwrap();
            }
            (a.to_vec1::<f32>().unwrap(), b.to_vec1::<f32>().unwrap())
        };
        let (decayed_a, decayed_b) = steps(config, &|_| false);
        let (plain_a, plain_b) = steps(AdamConfig::default(), &|_| false);
        assert_ne!(decayed_a, plain_a);
        assert_eq!(steps(config, &|name| name == "p0"), (plain_a, decayed_b));
        assert_eq!(steps(config, &|name| name == "p1"), (decayed_a, plain_b));
    }
}
