//! Factored gradients against ordinary ones, accumulated and mapped.

use super::collect::MIN_ELEMENTS;
use super::*;
use crate::{Activation, Adam, AdamConfig, linear};
use candle_core::{Device, Tensor, Var};

/// Columns of a weight that is large enough for factors; fewer for Miri, which is slow.
const WIDE: usize = if cfg!(miri) { 29 } else { 2085 };

fn var(seed: u32, shape: (usize, usize)) -> Var {
    let values = (0..shape.0 * shape.1).map(|i| {
        let hash = (i as u32 ^ seed).wrapping_mul(0x9e37_79b9) >> 8;
        hash as f32 / (1 << 23) as f32 - 1.0
    });
    Var::from_vec(values.collect(), shape, &Device::Cpu).unwrap()
}

#[test]
fn factored_gradients_and_steps_are_bit_identical_to_dense_ones() {
    // Neither dimension is a multiple of the vector length; the last weight is used twice.
    for uses in [1, 2] {
        let (x, w) = (var(1, (5, WIDE)), var(2, (37, WIDE)));
        let other = Var::from_tensor(&w.as_tensor().copy().unwrap()).unwrap();
        let loss = |w: &Var| {
            let y = linear(&x, w, None, Activation::Relu).unwrap();
            let z = linear(&x.affine(0.5, 0.0).unwrap(), w, None, Activation::Identity).unwrap();
            let y = if uses == 2 { (y + z).unwrap() } else { y };
            y.sqr().unwrap().sum_all().unwrap()
        };
        let factored = backward(&loss(&w)).unwrap();
        let dense = Gradients::from(loss(&other).backward().unwrap());
        assert!(factored.store.get(&w).is_none());
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let got = flat(&factored.get(&w).unwrap().unwrap());
        assert_eq!(got, flat(&dense.get(&other).unwrap().unwrap()));
        assert_eq!(
            flat(&factored.get(&x).unwrap().unwrap()),
            flat(&dense.get(&x).unwrap().unwrap())
        );
        for max_grad_norm in [None, Some(1.0)] {
            let config = AdamConfig {
                max_grad_norm,
                ..AdamConfig::adamw(0.1)
            };
            let mut a = Adam::new(vec![("w".into(), w.clone())], config).unwrap();
            let mut b = Adam::new(vec![("w".into(), other.clone())], config).unwrap();
            let norm_a = a.step(&factored, 0.1).unwrap().norm;
            let norm_b = b.step(&dense, 0.1).unwrap().norm;
            match (norm_a, norm_b) {
                (None, None) => assert_eq!(flat(&w), flat(&other)),
                (Some(a), Some(b)) => assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}"),
                _ => panic!("{norm_a:?} {norm_b:?}"),
            }
            w.set(&other).unwrap();
        }
    }
}

#[test]
fn small_weights_and_candle_backward_get_dense_gradients() {
    let (x, small, large) = (
        var(1, (3, 8)),
        var(2, (4, 8)),
        var(3, (MIN_ELEMENTS / 3, 4)),
    );
    let forward = || {
        let y = linear(&x, &small, None, Activation::Identity).unwrap();
        linear(&y, &large, None, Activation::Identity).unwrap()
    };
    let grads = backward(&forward()).unwrap();
    assert!(grads.store.get(&small).is_some() && grads.store.get(&large).is_none());
    let grads = forward().backward().unwrap();
    assert!(grads.get(&large).is_some());
}

/// The accumulated gradients of the parts of a batch are those of the batch, without a stored
/// product.
#[test]
fn accumulated_gradients_are_those_of_the_sum() {
    let (x, w, small) = (var(1, (6, WIDE)), var(2, (37, WIDE)), var(3, (3, 37)));
    let loss = |from: usize, rows: usize| {
        let x = x.as_detached_tensor().narrow(0, from, rows).unwrap();
        let y = linear(&x, &w, None, Activation::Relu).unwrap();
        let y = linear(&y, &small, None, Activation::Identity).unwrap();
        y.sqr().unwrap().sum_all().unwrap()
    };
    let whole = backward(&loss(0, 6)).unwrap();
    let mut parts = backward(&loss(0, 2)).unwrap();
    parts.accumulate(backward(&loss(2, 3)).unwrap()).unwrap();
    parts.accumulate(backward(&loss(5, 1)).unwrap()).unwrap();
    assert_eq!(parts.factors[&w.id()].len(), 3);
    let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let largest = |v: &[f32]| v.iter().fold(0f32, |m, v| m.max(v.abs()));
    for var in [&w, &small] {
        let (a, b) = (whole.get(var).unwrap().unwrap(), parts.get(var).unwrap());
        let error = largest(&flat((&a - b.unwrap()).unwrap()));
        assert!(error <= 1e-5 * largest(&flat(a)), "{error}");
    }

    // The fused pass over several factors is bit-identical to the pass over their stored sum.
    let vars = vec![("w".to_owned(), w.clone()), ("small".to_owned(), small)];
    let dense = parts.map(&vars, |_, _, grad| Ok(grad)).unwrap();
    assert!(dense.factors.is_empty());
    let before = w.as_tensor().copy().unwrap();
    for max_grad_norm in [None, Some(1e9)] {
        let config = AdamConfig {
            max_grad_norm,
            ..AdamConfig::default()
        };
        let mut results = Vec::new();
        for gradients in [&parts, &dense] {
            w.set(&before).unwrap();
            let mut adam = Adam::new(vars.clone(), config).unwrap();
            let norm = adam.step(gradients, 0.1).unwrap().norm;
            results.push((flat(w.as_tensor().clone()), norm));
        }
        let [(factored, norm), (stored, expected)] = &results[..] else {
            unreachable!()
        };
        assert_eq!(factored, stored);
        if let (Some(norm), Some(expected)) = (norm, expected) {
            assert!((norm / expected - 1.0).abs() < 1e-9, "{norm} {expected}");
        }
    }
}

#[test]
fn mapped_gradients_keep_their_order_and_shape() {
    let (a, b, c) = (var(1, (1, 2)), var(2, (1, 2)), var(3, (1, 2)));
    let loss = (a.sqr().unwrap() + b.as_tensor())
        .unwrap()
        .sum_all()
        .unwrap();
    let gradients = backward(&loss).unwrap();
    let name = |n: &str, v: &Var| (n.to_owned(), v.clone());
    let vars = [name("b", &b), name("c", &c), name("a", &a)];
    let mut seen = Vec::new();
    let doubled = gradients.map(&vars, |name, var, grad| {
        seen.push(name.to_owned());
        assert!(grad.as_ref().is_none_or(|grad| grad.dims() == var.dims()));
        grad.map(|grad| grad.affine(2.0, 0.0)).transpose()
    });
    assert_eq!(seen, ["b", "c", "a"]);
    let doubled = doubled.unwrap();
    assert!(doubled.get(&c).unwrap().is_none());
    let grad = doubled.get(&b).unwrap().unwrap();
    assert_eq!(grad.to_vec2::<f32>().unwrap(), [[2.0, 2.0]]);
    let transposed = gradients.map(&vars, |_, _, grad| grad.map(|grad| grad.t()).transpose());
    let error = transposed.unwrap_err();
    assert!(error.to_string().contains("\"b\" became [2, 1]"), "{error}");
}
