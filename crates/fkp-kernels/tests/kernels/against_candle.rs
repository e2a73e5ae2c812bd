//! Property tests: each operation against candle's own, forward and backward, on random shapes.

use candle_core::{DType, Device, Result, Tensor, Var};
use fkp_kernels::{
    Activation, Conv2dConfig, Pooling, avg_pool2d, conv2d, depthwise_conv2d, linear, max_pool2d,
    relu,
};
use proptest::prelude::*;

use crate::support::{compare, compare_multilinear, random, var};

/// Relative to the largest value; the sums have at most a few thousand terms in f32.
const TOLERANCE: f64 = 1e-5;

/// Max-pooling by reshaping, because the backward of candle 0.11.1's `max_pool2d` divides the
/// gradient by the size of the window.
fn candle_max_pool2d(x: &Tensor, k: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (ho, wo) = (h / k, w / k);
    let x = x.narrow(2, 0, ho * k)?.narrow(3, 0, wo * k)?.contiguous()?;
    x.reshape(vec![n * c * ho, k, wo, k])?
        .max(3)?
        .max(1)?
        .reshape((n, c, ho, wo))
}

/// Whether rounding cannot change which value of a window is the maximum or whether it is positive:
/// otherwise two correct algorithms can have different gradients.
fn maxima_are_unambiguous(x: &Tensor, w: &Tensor, b: &Tensor, relu: bool) -> Result<bool> {
    let (x, w, b) = (
        x.to_dtype(DType::F64)?,
        w.to_dtype(DType::F64)?,
        b.to_dtype(DType::F64)?,
    );
    let y = candle_conv2d(&x, &w, Some(&b), Conv2dConfig::new().padding(1))?;
    let (n, c, h, w) = y.dims4()?;
    let y = y
        .narrow(2, 0, h / 2 * 2)?
        .narrow(3, 0, w / 2 * 2)?
        .contiguous()?;
    let windows = y
        .reshape(vec![n * c * (h / 2), 2, w / 2, 2])?
        .permute((0, 2, 1, 3))?;
    let windows = windows.contiguous()?.flatten_all()?.to_vec1::<f64>()?;
    Ok(windows.chunks(4).all(|window| {
        let mut window = window.to_vec();
        window.sort_by(f64::total_cmp);
        window[3] - window[2] > 1e-4 && (!relu || window[3].abs() > 1e-4)
    }))
}

/// Whether rounding, below 2e-6 of the largest value, cannot change the sign of an input of ReLU.
fn signs_are_unambiguous(
    x: &Tensor,
    w: &Tensor,
    b: Option<&Tensor>,
    c: Conv2dConfig,
) -> Result<bool> {
    if c.activation != Activation::Relu {
        return Ok(true);
    }
    let b = b.map(|b| b.to_dtype(DType::F64)).transpose()?;
    let (x, w) = (x.to_dtype(DType::F64)?, w.to_dtype(DType::F64)?);
    let linear = Conv2dConfig::new().padding(c.padding).stride(c.stride);
    let y = candle_conv2d(&x, &w, b.as_ref(), linear)?;
    let y = y.flatten_all()?.to_vec1::<f64>()?;
    let largest = y.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    Ok(y.iter().all(|v| v.abs() > 4e-6 * largest))
}

fn candle_conv2d(x: &Tensor, w: &Tensor, b: Option<&Tensor>, c: Conv2dConfig) -> Result<Tensor> {
    let mut y = x.conv2d(w, c.padding, c.stride, 1, 1)?;
    if let Some(b) = b {
        y = y.broadcast_add(&b.reshape((1, b.elem_count(), 1, 1))?)?;
    }
    if c.activation == Activation::Relu {
        y = y.relu()?;
    }
    match c.pooling {
        Pooling::Max2 => candle_max_pool2d(&y, 2),
        _ => Ok(y),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn conv2d_matches(
        n in 1usize..6, c_in in 1usize..6, c_out in 1usize..9,
        h in 3usize..20, w in 3usize..20, k in prop::sample::select(vec![1usize, 3, 5, 7]),
        stride in 1usize..3, padding in 0usize..4, with_bias: bool, relu: bool, seed: u64,
    ) {
        prop_assume!(h + 2 * padding >= k && w + 2 * padding >= k);
        // candle's backward of a strided convolution needs windows that cover the whole image.
        prop_assume!((h + 2 * padding - k) % stride == 0 && (w + 2 * padding - k) % stride == 0);
        let mut config = Conv2dConfig::new().padding(padding).stride(stride);
        if relu {
            config = config.relu();
        }
        let (x, weights) = (var(seed, &[n, c_in, h, w]), var(seed ^ 1, &[c_out, c_in, k, k]));
        let bias = with_bias.then(|| var(seed ^ 2, &[c_out]));
        let bias_tensor = bias.as_ref().map(Var::as_tensor);
        prop_assume!(signs_are_unambiguous(&x, &weights, bias_tensor, config).unwrap());
        let mut vars = vec![&x, &weights];
        vars.extend(bias.as_ref());
        compare(
            "conv2d",
            &vars,
            || conv2d(&x, &weights, bias_tensor, config),
            || candle_conv2d(&x, &weights, bias_tensor, config),
            TOLERANCE,
        );
    }

    #[test]
    fn depthwise_conv2d_matches(
        n in 1usize..6, c in 1usize..40, h in 3usize..20, w in 3usize..20,
        k in prop::sample::select(vec![1usize, 3, 5, 7]), stride in 1usize..3, padding in 0usize..4,
        with_bias: bool, seed: u64,
    ) {
        prop_assume!(h + 2 * padding >= k && w + 2 * padding >= k);
        prop_assume!((h + 2 * padding - k) % stride == 0 && (w + 2 * padding - k) % stride == 0);
        let config = Conv2dConfig::new().padding(padding).stride(stride);
        let (x, weights) = (var(seed, &[n, c, h, w]), var(seed ^ 1, &[c, 1, k, k]));
        let bias = with_bias.then(|| var(seed ^ 2, &[c]));
        let bias_tensor = bias.as_ref().map(Var::as_tensor);
        let mut vars = vec![&x, &weights];
        vars.extend(bias.as_ref());
        let reference = || {
            let y = x.conv2d(&weights, padding, stride, 1, c)?;
            match bias_tensor {
                None => Ok(y),
                Some(bias) => y.broadcast_add(&bias.reshape((1, c, 1, 1))?),
            }
        };
        compare_multilinear(
            "depthwise_conv2d",
            &vars,
            || depthwise_conv2d(&x, &weights, bias_tensor, config),
            reference,
            TOLERANCE,
        );
    }

    #[test]
    fn first_layer_conv2d_matches(
        n in 1usize..20, c_in in 1usize..5, c_out in 1usize..40, h in 7usize..20, w in 7usize..20,
        k in prop::sample::select(vec![1usize, 3, 5, 7]), stride in 1usize..3, padding in 0usize..4,
        relu: bool, seed: u64,
    ) {
        prop_assume!((h + 2 * padding - k) % stride == 0 && (w + 2 * padding - k) % stride == 0);
        let mut config = Conv2dConfig::new().padding(padding).stride(stride);
        if relu {
            config = config.relu();
        }
        let (x, weights) = (random(seed, &[n, c_in, h, w]), var(seed ^ 1, &[c_out, c_in, k, k]));
        let bias = var(seed ^ 2, &[c_out]);
        prop_assume!(signs_are_unambiguous(&x, &weights, Some(&bias), config).unwrap());
        compare(
            "conv2d of data",
            &[&weights, &bias],
            || conv2d(&x, &weights, Some(&bias), config),
            || candle_conv2d(&x, &weights, Some(&bias), config),
            TOLERANCE,
        );
    }

    #[test]
    fn wide_conv2d_matches(
        n in 1usize..4, c_in in 8usize..40, c_out in 8usize..40, h in 2usize..15, w in 2usize..15,
        padding in 1usize..4, relu: bool, seed: u64,
    ) {
        let mut config = Conv2dConfig::new().padding(padding);
        if relu {
            config = config.relu();
        }
        let (x, weights) = (var(seed, &[n, c_in, h, w]), var(seed ^ 1, &[c_out, c_in, 3, 3]));
        let bias = var(seed ^ 2, &[c_out]);
        prop_assume!(signs_are_unambiguous(&x, &weights, Some(&bias), config).unwrap());
        compare(
            "wide conv2d",
            &[&x, &weights, &bias],
            || conv2d(&x, &weights, Some(&bias), config),
            || candle_conv2d(&x, &weights, Some(&bias), config),
            TOLERANCE,
        );
    }

    #[test]
    fn pooled_conv2d_matches(
        n in 1usize..4, c_in in 1usize..5, c_out in 1usize..17, wide: bool,
        h in 4usize..12, w in 4usize..12, relu: bool, seed: u64,
    ) {
        let (c_in, c_out) = if wide { (c_in * 8, c_out + 7) } else { (c_in, c_out) };
        let mut config = Conv2dConfig::new().padding(1).max_pool2();
        if relu {
            config = config.relu();
        }
        let (x, weights) = (var(seed, &[n, c_in, h, w]), var(seed ^ 1, &[c_out, c_in, 3, 3]));
        let bias = var(seed ^ 2, &[c_out]);
        prop_assume!(maxima_are_unambiguous(&x, &weights, &bias, relu).unwrap());
        compare(
            "pooled conv2d",
            &[&x, &weights, &bias],
            || conv2d(&x, &weights, Some(&bias), config),
            || candle_conv2d(&x, &weights, Some(&bias), config),
            TOLERANCE,
        );
        let data = x.as_detached_tensor();
        compare(
            "pooled conv2d of data",
            &[&weights, &bias],
            || conv2d(&data, &weights, Some(&bias), config),
            || candle_conv2d(&data, &weights, Some(&bias), config),
            TOLERANCE,
        );
    }

    #[test]
    fn linear_matches(
        n in 1usize..40, n_in in 1usize..2100, n_out in 1usize..140, relu: bool, seed: u64,
    ) {
        let (x, w) = (var(seed, &[n, n_in]), var(seed ^ 1, &[n_out, n_in]));
        let b = var(seed ^ 2, &[n_out]);
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        compare(
            "linear",
            &[&x, &w, &b],
            || linear(&x, &w, Some(&b), activation),
            || {
                let y = x.matmul(&w.t()?)?.broadcast_add(&b)?;
                if relu { y.relu() } else { Ok(y) }
            },
            TOLERANCE,
        );
    }

    #[test]
    fn pools_match(
        n in 1usize..4, c in 1usize..5, ho in 1usize..9, wo in 1usize..9, k in 1usize..4, seed: u64,
    ) {
        let x = var(seed, &[n, c, ho * k, wo * k]);
        let reference = || candle_max_pool2d(&x, k);
        compare("max_pool2d", &[&x], || max_pool2d(&x, k, k), reference, TOLERANCE);
        compare("avg_pool2d", &[&x], || avg_pool2d(&x, k, k), || x.avg_pool2d(k), TOLERANCE);
    }
}

#[test]
fn forward_of_overlapping_and_incomplete_windows_matches() {
    let x = random(3, &[2, 3, 8, 7]);
    for (k, s) in [(3, 2), (3, 1), (2, 3)] {
        let ours = max_pool2d(&x, k, s)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        let candle = x
            .max_pool2d_with_stride(k, s)
            .unwrap()
            .flatten_all()
            .unwrap();
        assert_eq!(ours, candle.to_vec1::<f32>().unwrap());
    }
}

#[test]
fn strided_views_are_accepted_everywhere() {
    let x = var(1, &[6, 8, 2, 3]);
    let w = var(2, &[3, 3, 2, 4]);
    let config = Conv2dConfig::new().padding(1).relu().max_pool2();
    let xt = || x.permute((3, 2, 1, 0));
    let wt = || w.permute((3, 2, 0, 1));
    compare(
        "conv2d of permuted views",
        &[&x, &w],
        || conv2d(&xt()?, &wt()?, None, config),
        || candle_conv2d(&xt()?.contiguous()?, &wt()?.contiguous()?, None, config),
        TOLERANCE,
    );
    compare("relu", &[&x], || relu(&xt()?), || xt()?.relu(), 0.0);
    compare(
        "max_pool2d",
        &[&x],
        || max_pool2d(&xt()?, 2, 2),
        || candle_max_pool2d(&xt()?, 2),
        0.0,
    );
    let (a, b) = (var(4, &[7, 5]), var(5, &[7, 9]));
    compare(
        "linear",
        &[&a, &b],
        || linear(&a.t()?, &b.t()?, None, Activation::Identity),
        || a.t()?.matmul(&b.as_tensor().contiguous()?),
        TOLERANCE,
    );
}

#[test]
fn other_element_types_use_candle_operations() {
    let to64 = |t: Tensor| Var::from_tensor(&t.to_dtype(DType::F64).unwrap()).unwrap();
    let (x, w) = (
        to64(random(1, &[2, 1, 8, 8])),
        to64(random(2, &[3, 1, 3, 3])),
    );
    let b = to64(random(3, &[3]));
    let config = Conv2dConfig::new().padding(1).relu().max_pool2();
    compare(
        "conv2d in f64",
        &[&x, &w, &b],
        || conv2d(&x, &w, Some(&b), config),
        || candle_conv2d(&x, &w, Some(&b), config),
        0.0,
    );
}

#[test]
fn gradient_of_data_is_not_computed() {
    let x = random(1, &[2, 1, 8, 8]);
    let w = var(2, &[3, 1, 3, 3]);
    let y = conv2d(&x, &w, None, Conv2dConfig::new()).unwrap();
    let grads = y.sum_all().unwrap().backward().unwrap();
    assert!(grads.get(&x).is_none() && grads.get(&w).is_some());
}

#[test]
fn bad_shapes_are_clear_errors() {
    let zeros = |s: &[usize]| Tensor::zeros(s, DType::F32, &Device::Cpu).unwrap();
    let config = Conv2dConfig::new();
    let conv = |x: &[usize], w: &[usize], c| conv2d(&zeros(x), &zeros(w), None, c).unwrap_err();
    for (error, expected) in [
        (
            conv(&[0, 1, 8, 8], &[1, 1, 3, 3], config),
            "the batch is empty",
        ),
        (conv(&[1, 2, 8, 8], &[1, 1, 3, 3], config), "has 2 channels"),
        (conv(&[1, 1, 2, 2], &[1, 1, 3, 3], config), "exceeds x"),
        (
            conv(&[1, 1, 8], &[1, 1, 3, 3], config),
            "must be [n, c_in, h, w]",
        ),
        (
            conv(&[1, 1, 8, 8], &[1, 1, 3, 3], config.stride(0)),
            "stride must be at least 1",
        ),
        (
            conv(&[1, 1, 3, 3], &[1, 1, 3, 3], config.max_pool2()),
            "too small for 2×2 pooling",
        ),
        (
            max_pool2d(&zeros(&[0, 1, 4, 4]), 2, 2).unwrap_err(),
            "the batch is empty",
        ),
        (
            avg_pool2d(&zeros(&[1, 1, 4, 4]), 5, 1).unwrap_err(),
            "exceeds x",
        ),
        (
            linear(&zeros(&[0, 3]), &zeros(&[2, 3]), None, Activation::Relu).unwrap_err(),
            "must not be empty",
        ),
        (
            linear(&zeros(&[1, 4]), &zeros(&[2, 3]), None, Activation::Relu).unwrap_err(),
            "x must be [.., 3]",
        ),
    ] {
        assert!(
            error.to_string().contains(expected),
            "{error} should say {expected:?}"
        );
    }
}

/// A result that other operations of this crate and of candle read.
#[test]
fn gradients_of_all_readers_are_added() {
    let vars = [
        var(1, &[2, 3, 9, 8]),
        var(2, &[10, 3, 3, 3]),
        var(3, &[10, 10, 3, 3]),
        var(4, &[5, 720]),
        var(5, &[10, 10, 1, 1]),
    ];
    let vars: Vec<&Var> = vars.iter().collect();
    let config = Conv2dConfig::new().padding(1);
    let join = |y: Tensor, second: Tensor, dense: Tensor, third: Tensor| {
        let sum = ((second + third)? + &y)?.sqr()?.flatten_from(1)?;
        Tensor::cat(&[sum, dense], 1)
    };
    compare(
        "several readers",
        &vars,
        || {
            let y = conv2d(vars[0], vars[1], None, config)?;
            join(
                y.clone(),
                conv2d(&y, vars[2], None, config)?,
                linear(&y.flatten_from(1)?, vars[3], None, Activation::Identity)?,
                conv2d(&y, vars[4], None, Conv2dConfig::new())?,
            )
        },
        || {
            let y = vars[0].conv2d(vars[1], 1, 1, 1, 1)?;
            join(
                y.clone(),
                y.conv2d(vars[2], 1, 1, 1, 1)?,
                y.flatten_from(1)?.matmul(&vars[3].t()?)?,
                y.conv2d(vars[4], 0, 1, 1, 1)?,
            )
        },
        TOLERANCE,
    );
}
