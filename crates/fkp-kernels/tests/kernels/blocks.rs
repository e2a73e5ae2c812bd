//! Blocks of convolutions against the same operations one by one, in f64.

use candle_core::{DType, Result, Tensor, Var};
use fkp_kernels::{
    Activation, BatchStatistics, BlockConv, Channels, Pooling, Residual, activate, conv_block_train,
};
use proptest::prelude::*;

use crate::support::{random, relative_error, var};

/// Relative to the largest value; gradients through several normalizations are differences of sums.
const TOLERANCE: f64 = 2e-4;

const EPS: f64 = 1e-5;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Conv {
    channels: Channels,
    c_in: usize,
    c_out: usize,
    kernel: usize,
    stride: usize,
    activation: Activation,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Added {
    Nothing,
    Before,
    After,
}

/// A block and the shape of its input.
#[derive(Clone, Debug)]
struct Case {
    x: [usize; 4],
    convs: Vec<Conv>,
    added: Added,
    pooling: Pooling,
    seed: u64,
}

impl Case {
    fn output_shape(&self) -> Vec<usize> {
        let (mut h, mut w) = (self.x[2], self.x[3]);
        for conv in &self.convs {
            let out = |side: usize| (side + 2 * (conv.kernel / 2) - conv.kernel) / conv.stride + 1;
            (h, w) = (out(h), out(w));
        }
        vec![self.x[0], self.convs.last().unwrap().c_out, h, w]
    }

    /// The input, then weight, gamma and beta of each convolution, then the residual.
    fn vars(&self) -> Vec<Var> {
        let mut vars = vec![var(self.seed, &self.x)];
        for (i, conv) in self.convs.iter().enumerate() {
            let seed = self.seed ^ (7 * (i as u64 + 1));
            let from = if conv.channels == Channels::Depthwise {
                1
            } else {
                conv.c_in
            };
            vars.push(var(seed, &[conv.c_out, from, conv.kernel, conv.kernel]));
            let gamma = random(seed ^ 1, &[conv.c_out]).affine(0.4, 0.9).unwrap();
            vars.push(Var::from_tensor(&gamma).unwrap());
            vars.push(var(seed ^ 2, &[conv.c_out]));
        }
        if self.added != Added::Nothing {
            vars.push(var(self.seed ^ 99, &self.output_shape()));
        }
        vars
    }

    fn block(&self, vars: &[Tensor]) -> Result<(Tensor, Vec<BatchStatistics>)> {
        let convs = self
            .convs
            .iter()
            .zip(vars[1..].chunks(3))
            .map(|(conv, vars)| BlockConv {
                weight: &vars[0],
                gamma: &vars[1],
                beta: &vars[2],
                channels: conv.channels,
                padding: conv.kernel / 2,
                stride: conv.stride,
                activation: conv.activation,
            });
        let convs: Vec<_> = convs.collect();
        let last = vars.last().unwrap();
        let residual = match self.added {
            Added::Nothing => Residual::None,
            Added::Before => Residual::BeforeActivation(last),
            Added::After => Residual::AfterActivation(last),
        };
        conv_block_train(&vars[0], &convs, residual, self.pooling, EPS)
    }

    /// The same in f64, by candle's own operations; `None` where rounding could change which side
    /// of a corner of an activation a value is on, or which value of a window is the largest.
    fn reference(&self, vars: &[Tensor]) -> Result<Option<Tensor>> {
        let (mut y, residual) = (vars[0].clone(), vars.last().unwrap());
        for (i, (conv, vars)) in self.convs.iter().zip(vars[1..].chunks(3)).enumerate() {
            let groups = if conv.channels == Channels::Depthwise {
                conv.c_in
            } else {
                1
            };
            let z = y.conv2d(&vars[0], conv.kernel / 2, conv.stride, 1, groups)?;
            let mean = z.mean_keepdim((0, 2, 3))?;
            let centered = z.broadcast_sub(&mean)?;
            let variance = centered.sqr()?.mean_keepdim((0, 2, 3))?;
            let normalized = centered.broadcast_div(&(variance + EPS)?.sqrt()?)?;
            let channels = |v: &Tensor| v.reshape((1, conv.c_out, 1, 1));
            y = normalized
                .broadcast_mul(&channels(&vars[1])?)?
                .broadcast_add(&channels(&vars[2])?)?;
            let last = i + 1 == self.convs.len();
            if last && self.added == Added::Before {
                y = (y + residual)?;
            }
            let corners: &[f64] = match conv.activation {
                Activation::Relu | Activation::LeakyRelu { .. } => &[0.0],
                Activation::Relu6 => &[0.0, 6.0],
                Activation::HardSwish => &[-3.0, 3.0],
                _ => &[],
            };
            let values = y.flatten_all()?.to_vec1::<f64>()?;
            if values
                .iter()
                .any(|v| corners.iter().any(|c| (v - c).abs() < 2e-5))
            {
                return Ok(None);
            }
            y = activate(&y, conv.activation)?;
        }
        if self.added == Added::After {
            y = (y + residual)?;
        }
        if self.pooling == Pooling::None {
            return Ok(Some(y));
        }
        let (n, c, h, w) = y.dims4()?;
        let (h, w) = (h / 2, w / 2);
        let even = y.narrow(2, 0, 2 * h)?.narrow(3, 0, 2 * w)?.contiguous()?;
        let windows = even.reshape(vec![n * c * h, 2, w, 2])?;
        let values = windows
            .permute((0, 2, 1, 3))?
            .flatten_all()?
            .to_vec1::<f64>()?;
        let is_clear = |window: &[f64]| {
            let mut window = window.to_vec();
            window.sort_by(f64::total_cmp);
            // Equal values are those that the activation made equal: without gradient.
            window[3] - window[2] > 2e-5 || window[3] == window[2]
        };
        if !values.chunks(4).all(is_clear) {
            return Ok(None);
        }
        Ok(Some(windows.max(3)?.max(1)?.reshape((n, c, h, w))?))
    }
}

/// Compares values, statistics and all gradients.
fn check(case: &Case) -> std::result::Result<(), TestCaseError> {
    let vars = case.vars();
    let tensors: Vec<_> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let doubles: Vec<_> = tensors
        .iter()
        .map(|t| Var::from_tensor(&t.to_dtype(DType::F64).unwrap()).unwrap())
        .collect();
    let double_tensors: Vec<_> = doubles.iter().map(|v| v.as_tensor().clone()).collect();
    let Some(expected) = case.reference(&double_tensors).unwrap() else {
        return Err(TestCaseError::reject("rounding decides"));
    };
    let (y, _) = case.block(&tensors).unwrap();
    let weight = random(99, y.dims()).affine(0.5, 0.5).unwrap();
    let gradients = (&y * &weight)
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let weight = weight.to_dtype(DType::F64).unwrap();
    let expected_gradients = (&expected * weight)
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let error = relative_error(&y, &expected);
    prop_assert!(error <= 1e-5, "value off by {error:.2e}");
    let largest = |t: &Tensor| {
        let t = t.abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        t.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap()
    };
    let pairs = vars.iter().zip(&doubles);
    let pairs = pairs.map(|(var, double)| (gradients.get(var), expected_gradients.get(double)));
    let pairs: Vec<_> = pairs.map(|(a, b)| (a.unwrap(), b.unwrap())).collect();
    let scale = pairs
        .iter()
        .fold(0.0, |most: f64, (_, expected)| most.max(largest(expected)));
    for (i, (got, expected)) in pairs.into_iter().enumerate() {
        // A gradient whose terms cancel, as that of a weight that the normalization makes
        // irrelevant, is as inaccurate as the terms.
        let scale = largest(expected).max(0.1 * scale);
        let difference = largest(&(got.to_dtype(DType::F64).unwrap() - expected).unwrap());
        let error = difference / scale;
        prop_assert!(error <= TOLERANCE, "gradient {i} off by {error:.2e}");
    }
    Ok(())
}

fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![
        Activation::Identity,
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::Silu,
        Activation::HardSwish,
    ])
}

fn added() -> impl Strategy<Value = Added> {
    prop::sample::select(vec![Added::Nothing, Added::Before, Added::After])
}

fn pooling() -> impl Strategy<Value = Pooling> {
    prop::sample::select(vec![Pooling::None, Pooling::Max2])
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 20_000, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_convolution_matches(
        n in 1usize..5, c_in in 1usize..20, c_out in 1usize..20, h in 4usize..11, w in 4usize..11,
        kernel in prop::sample::select(vec![1usize, 3, 5]), stride in 1usize..3,
        activation in activation(), added in added(), pooling in pooling(), seed: u64,
    ) {
        // candle's backward of a strided convolution needs windows that cover the whole image.
        prop_assume!((h - 1) % stride == 0 && (w - 1) % stride == 0);
        let conv = Conv { channels: Channels::All, c_in, c_out, kernel, stride, activation };
        check(&Case { x: [n, c_in, h, w], convs: vec![conv], added, pooling, seed })?;
    }

    #[test]
    fn a_depthwise_convolution_matches(
        n in 1usize..5, c in 1usize..20, h in 4usize..11, w in 4usize..11,
        kernel in prop::sample::select(vec![1usize, 3, 5]), stride in 1usize..3,
        activation in activation(), added in added(), pooling in pooling(), seed: u64,
    ) {
        prop_assume!((h - 1) % stride == 0 && (w - 1) % stride == 0);
        let conv = Conv {
            channels: Channels::Depthwise, c_in: c, c_out: c, kernel, stride, activation,
        };
        check(&Case { x: [n, c, h, w], convs: vec![conv], added, pooling, seed })?;
    }

    #[test]
    fn an_inverted_residual_matches(
        n in 1usize..5, c_in in 1usize..6, c_out in 1usize..20, h in 5usize..11, w in 5usize..11,
        kernel in prop::sample::select(vec![3usize, 5]), stride in 1usize..3,
        first in activation(), second in activation(), seed: u64,
    ) {
        prop_assume!((h - 1) % stride == 0 && (w - 1) % stride == 0);
        let wide = 4 * c_in;
        let dense = |c_in, c_out, activation| Conv {
            channels: Channels::All, c_in, c_out, kernel: 1, stride: 1, activation,
        };
        let depthwise = Conv {
            channels: Channels::Depthwise, c_in: wide, c_out: wide, kernel, stride,
            activation: second,
        };
        let convs = vec![
            dense(c_in, wide, first),
            depthwise,
            dense(wide, c_out, Activation::Identity),
        ];
        let (added, pooling) = (Added::After, Pooling::None);
        check(&Case { x: [n, c_in, h, w], convs, added, pooling, seed })?;
    }
}

/// A block whose result two blocks and an ordinary operation read, and which is added to one of them.
#[test]
fn gradients_of_all_readers_are_added() {
    let conv = |c_in, c_out, kernel, activation| Conv {
        channels: Channels::All,
        c_in,
        c_out,
        kernel,
        stride: 1,
        activation,
    };
    let case = |x, conv, added, pooling, seed| Case {
        x,
        convs: vec![conv],
        added,
        pooling,
        seed,
    };
    let (none, max) = (Pooling::None, Pooling::Max2);
    for (n, after, pooling) in [
        (2, Added::Before, max),
        (3, Added::Before, none),
        (3, Added::After, max),
        (2, Added::After, none),
    ] {
        let relu = Activation::Relu;
        let first = case([n, 3, 14, 10], conv(3, 20, 3, relu), Added::Nothing, max, 1);
        let second = case([n, 20, 7, 5], conv(20, 20, 3, relu), after, pooling, 2);
        let third = case([n, 20, 7, 5], conv(20, 9, 1, relu), Added::Nothing, none, 3);
        let own: Vec<Vec<Var>> = [&first, &second, &third]
            .map(|case| case.vars())
            .into_iter()
            .collect();
        let network = |vars: &[Vec<Tensor>], f64: bool| -> Option<Tensor> {
            let run = |case: &Case, vars: &[Tensor]| match f64 {
                true => case.reference(vars).unwrap(),
                false => Some(case.block(vars).unwrap().0),
            };
            let y = run(&first, &vars[0])?;
            let mut of_second = vec![y.clone()];
            of_second.extend_from_slice(&vars[1][1..4]);
            of_second.push(y.clone());
            let mut of_third = vec![y.clone()];
            of_third.extend_from_slice(&vars[2][1..]);
            let parts = [
                run(&second, &of_second)?.sqr().unwrap().mean_all().unwrap(),
                run(&third, &of_third)?.sqr().unwrap().mean_all().unwrap(),
                y.powf(3.0).unwrap().mean_all().unwrap(),
            ];
            Some(((&parts[0] + &parts[1]).unwrap() + &parts[2]).unwrap())
        };
        let tensors = |vars: &[Vec<Var>]| -> Vec<Vec<Tensor>> {
            let list = |vars: &Vec<Var>| vars.iter().map(|v| v.as_tensor().clone()).collect();
            vars.iter().map(list).collect()
        };
        let double = |var: &Var| Var::from_tensor(&var.to_dtype(DType::F64).unwrap()).unwrap();
        let doubles: Vec<Vec<Var>> = own
            .iter()
            .map(|vars| vars.iter().map(double).collect())
            .collect();
        let expected = network(&tensors(&doubles), true).expect("the seeds avoid corners");
        let expected = expected.backward().unwrap();
        let loss = network(&tensors(&own), false).unwrap();
        let all = |gradients: &candle_core::backprop::GradStore| -> Vec<Vec<f32>> {
            let values = |v: &Var| gradients.get(v)?.flatten_all().ok()?.to_vec1().ok();
            own.iter().flatten().filter_map(values).collect()
        };
        let gradients = loss.backward().unwrap();
        for (i, (var, double)) in own
            .iter()
            .flatten()
            .zip(doubles.iter().flatten())
            .enumerate()
        {
            let pair = (gradients.get(var), expected.get(double));
            let (Some(got), Some(expected)) = pair else {
                assert!(pair.0.is_none() && pair.1.is_none(), "gradient {i}");
                continue;
            };
            let error = relative_error(got, expected);
            assert!(error < 1e-3, "gradient {i} off by {error:.2e}");
        }
        // The outputs of the convolutions are gone, and computed again.
        assert_eq!(all(&loss.backward().unwrap()), all(&gradients));
    }
}

/// Outputs of a first convolution that are large and cheap are not stored. The activations are smooth,
/// so that rounding decides nothing.
#[test]
fn outputs_that_are_computed_again_match() {
    let silu = Activation::Silu;
    let conv = |channels, c_in, c_out, kernel, activation| Conv {
        channels,
        c_in,
        c_out,
        kernel,
        stride: 1,
        activation,
    };
    let all = Channels::All;
    for (x, convs, added) in [
        (
            [5, 1, 60, 62],
            vec![conv(all, 1, 20, 3, silu)],
            Added::Before,
        ),
        (
            [5, 2, 60, 62],
            vec![
                conv(all, 2, 8, 1, silu),
                conv(Channels::Depthwise, 8, 8, 3, silu),
                conv(all, 8, 2, 1, Activation::Identity),
            ],
            Added::After,
        ),
    ] {
        let case = Case {
            x,
            convs,
            added,
            pooling: Pooling::None,
            seed: 5,
        };
        check(&case).unwrap();
    }
}
