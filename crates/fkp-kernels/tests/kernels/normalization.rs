//! Batch normalization and the smooth activations against the same formulas in candle.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use fkp_kernels::{
    Activation, Conv2dConfig, NormStatistics, batch_norm, batch_norm_train, conv2d, dropout,
    fold_batch_norm, gelu, silu,
};
use proptest::prelude::*;

use crate::support::{compare, random, relative_error, var};

const EPS: f64 = 1e-5;

fn in_candle(x: &Tensor, gamma: &Tensor, beta: &Tensor, s: &NormStatistics) -> Result<Tensor> {
    let c = gamma.elem_count();
    let per_channel = |t: &Tensor| t.reshape((1, c, 1, 1));
    let scale = gamma.div(&(&s.variance + EPS)?.sqrt()?)?;
    let x = x
        .broadcast_sub(&per_channel(&s.mean)?)?
        .broadcast_mul(&per_channel(&scale)?)?;
    x.broadcast_add(&per_channel(beta)?)
}

fn batch_statistics(x: &Tensor) -> Result<NormStatistics> {
    let rows = x.transpose(0, 1)?.flatten_from(1)?;
    let mean = rows.mean(D::Minus1)?;
    let variance = rows
        .broadcast_sub(&mean.unsqueeze(1)?)?
        .sqr()?
        .mean(D::Minus1)?;
    Ok(NormStatistics { mean, variance })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batch_norm_matches(
        n in 2usize..6, c in 1usize..7, h in 2usize..7, w in 2usize..7, relu: bool, seed: u64,
    ) {
        let x = var(seed, &[n, c, h, w]);
        let (gamma, beta) = (var(seed ^ 1, &[c]), var(seed ^ 2, &[c]));
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        let finish = |y: Tensor| if relu { y.relu() } else { Ok(y) };
        // The gradients are differences of sums, which may cancel almost completely: allow a larger
        // relative error.
        compare(
            "batch_norm_train",
            &[&x, &gamma, &beta],
            || Ok(batch_norm_train(&x, &gamma, &beta, EPS, activation)?.0),
            || finish(in_candle(&x, &gamma, &beta, &batch_statistics(&x)?)?),
            1e-3,
        );
        let variance = random(seed ^ 4, &[c]).affine(0.5, 1.0).unwrap();
        let running = NormStatistics { mean: random(seed ^ 3, &[c]), variance };
        compare(
            "batch_norm",
            &[&x, &gamma, &beta],
            || batch_norm(&x, &gamma, &beta, &running, EPS, activation),
            || finish(in_candle(&x, &gamma, &beta, &running)?),
            1e-5,
        );
    }

    #[test]
    fn smooth_activations_match(n in 1usize..200, seed: u64) {
        let x = Var::from_tensor(&random(seed, &[n]).affine(4.0, 0.0).unwrap()).unwrap();
        compare("silu", &[&x], || silu(&x), || x.silu(), 1e-5);
        compare("gelu", &[&x], || gelu(&x), || x.gelu_erf(), 1e-5);
    }
}

#[test]
fn folded_convolution_equals_convolution_and_normalization() {
    let (x, w) = (random(1, &[2, 9, 12, 12]), random(2, &[10, 9, 3, 3]));
    let (gamma, beta) = (random(3, &[10]), random(4, &[10]));
    let running = NormStatistics {
        mean: random(5, &[10]),
        variance: random(6, &[10]).affine(0.5, 1.0).unwrap(),
    };
    for bias in [None, Some(random(7, &[10]))] {
        let config = Conv2dConfig::new().padding(1);
        let y = conv2d(&x, &w, bias.as_ref(), config).unwrap();
        let both = batch_norm(&y, &gamma, &beta, &running, EPS, Activation::Relu).unwrap();
        let (w, b) = fold_batch_norm(&w, bias.as_ref(), &gamma, &beta, &running, EPS).unwrap();
        let folded = conv2d(&x, &w, Some(&b), config.relu()).unwrap();
        assert!(relative_error(&folded, &both) < 1e-5);
    }
}

#[test]
fn running_statistics_follow_the_batches() {
    let x = random(1, &[4, 3, 5, 5]);
    let one = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
    let (_, statistics) = batch_norm_train(&x, &one, &one, EPS, Activation::Identity).unwrap();
    let zero = one.zeros_like().unwrap();
    let running = NormStatistics {
        mean: zero,
        variance: one,
    };
    let next = statistics.update(&running, 0.1).unwrap();
    let expected = batch_statistics(&x).unwrap();
    let mean = (expected.mean * 0.1).unwrap();
    let variance = (expected.variance * (0.1 * 100.0 / 99.0))
        .unwrap()
        .affine(1.0, 0.9)
        .unwrap();
    assert!(relative_error(&next.mean, &mean) < 1e-5);
    assert!(relative_error(&next.variance, &variance) < 1e-5);
    assert!(statistics.update(&running, f64::NAN).is_err());
}

#[test]
fn bad_shapes_are_clear_errors() {
    let zeros = |s: &[usize]| Tensor::zeros(s, DType::F32, &Device::Cpu).unwrap();
    let train = |x: &[usize], c: usize| {
        batch_norm_train(&zeros(x), &zeros(&[c]), &zeros(&[c]), EPS, Activation::Relu)
            .unwrap_err()
            .to_string()
    };
    assert!(train(&[0, 3, 2, 2], 3).contains("the batch is empty"));
    assert!(train(&[2, 3, 2, 2], 4).contains("gamma must be [3]"));
    assert!(train(&[1, 3], 3).contains("more than one value"));
    assert!(dropout(&zeros(&[2]), 1.0, 0).is_err());
}
