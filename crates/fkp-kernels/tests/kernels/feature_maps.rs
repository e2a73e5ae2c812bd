//! Pools, upsampling, transposed convolution, squeeze-and-excitation, soft-argmax and PReLU against
//! candle's own operations or equal formulas, on random shapes.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use fkp_kernels::{
    ConvTranspose2dConfig, conv_transpose2d, global_avg_pool2d, max_pool2d, prelu, scale_channels,
    soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
use proptest::prelude::*;

use crate::support::{compare, random, relative_error, value_and_grads, var};

const TOLERANCE: f64 = 1e-5;

/// Values in [0, 1), so that no sum cancels, whose relative error would be large.
fn positive_var(seed: u64, shape: &[usize]) -> Var {
    Var::from_tensor(&random(seed, shape).affine(0.5, 0.5).unwrap()).unwrap()
}

fn conv_transpose2d_in_candle(
    x: &Tensor,
    w: &Tensor,
    b: Option<&Tensor>,
    c: ConvTranspose2dConfig,
) -> Result<Tensor> {
    let y = x.conv_transpose2d(w, c.padding, c.output_padding, c.stride, 1)?;
    match b {
        None => Ok(y),
        Some(b) => y.broadcast_add(&b.reshape((1, b.elem_count(), 1, 1))?),
    }
}

/// The interpolation matrix `[scale · len, len]` of `align_corners=False`.
fn interpolation(len: usize, scale: usize) -> Tensor {
    let weight = |(i, j): (usize, usize)| {
        let position = (i as f64 + 0.5) / scale as f64 - 0.5;
        let position = position.clamp(0.0, (len - 1) as f64);
        (1.0 - (position - j as f64).abs()).max(0.0) as f32
    };
    let all = (0..len * scale).flat_map(|i| (0..len).map(move |j| (i, j)));
    Tensor::from_iter(all.map(weight), &Device::Cpu)
        .unwrap()
        .reshape((len * scale, len))
        .unwrap()
}

fn upsample_by_matrices(x: &Tensor, scale: usize) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let rows = x.reshape((n * c * h, w))?;
    let rows = rows.matmul(&interpolation(w, scale).t()?)?;
    let planes = rows.reshape((n * c, h, w * scale))?;
    let weights = interpolation(h, scale)
        .broadcast_left(n * c)?
        .contiguous()?;
    weights
        .matmul(&planes)?
        .reshape((n, c, h * scale, w * scale))
}

/// Sums of positions weighted by the softmax, for maps in f64.
fn soft_argmax_in_candle(maps: &Tensor, beta: f64) -> Result<Tensor> {
    let (n, k, h, w) = maps.dims4()?;
    let scores = (maps.flatten_from(2)? * beta)?.exp()?;
    let p = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?;
    let p = p.reshape((n, k, h, w))?;
    let mean = |marginal: Tensor, len: usize| {
        let positions = Tensor::arange(0f64, len as f64, &Device::Cpu)?;
        marginal.broadcast_mul(&positions)?.sum(2)
    };
    Tensor::stack(&[mean(p.sum(2)?, w)?, mean(p.sum(3)?, h)?], 2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn upsample_nearest2d_matches(
        n in 1usize..4, c in 1usize..4, h in 1usize..7, w in 1usize..20, scale in 1usize..6,
        seed: u64,
    ) {
        let x = var(seed, &[n, c, h, w]);
        compare(
            "upsample_nearest2d",
            &[&x],
            || upsample_nearest2d(&x, scale),
            || x.upsample_nearest2d(h * scale, w * scale),
            TOLERANCE,
        );
    }

    #[test]
    fn upsample_bilinear2d_matches(
        n in 1usize..4, c in 1usize..4, h in 1usize..7, w in 1usize..20, scale in 1usize..6,
        seed: u64,
    ) {
        let x = var(seed, &[n, c, h, w]);
        compare(
            "upsample_bilinear2d",
            &[&x],
            || upsample_bilinear2d(&x, scale),
            || upsample_by_matrices(&x, scale),
            TOLERANCE,
        );
        let candle = x.upsample_bilinear2d(h * scale, w * scale, false).unwrap();
        let error = relative_error(&upsample_bilinear2d(&x, scale).unwrap(), &candle);
        prop_assert!(error <= TOLERANCE, "{error:.2e}");
    }

    #[test]
    fn conv_transpose2d_matches(
        n in 1usize..19, c_in in 1usize..6, c_out in 1usize..6, h in 1usize..6, w in 1usize..9,
        kh in 1usize..6, kw in 1usize..6, stride in 1usize..4, padding in 0usize..3,
        output_padding in 0usize..2, with_bias: bool, seed: u64,
    ) {
        prop_assume!(output_padding < stride);
        let size = |len: usize, k: usize| (len - 1) * stride + k + output_padding;
        prop_assume!(size(h, kh) > 2 * padding && size(w, kw) > 2 * padding);
        let config = ConvTranspose2dConfig::new()
            .stride(stride)
            .padding(padding)
            .output_padding(output_padding);
        let x = positive_var(seed, &[n, c_in, h, w]);
        let weights = positive_var(seed ^ 1, &[c_in, c_out, kh, kw]);
        let bias = with_bias.then(|| positive_var(seed ^ 2, &[c_out]));
        let bias_tensor = bias.as_ref().map(Var::as_tensor);
        let mut vars = vec![&x, &weights];
        vars.extend(bias.as_ref());
        compare(
            "conv_transpose2d",
            &vars,
            || conv_transpose2d(&x, &weights, bias_tensor, config),
            || conv_transpose2d_in_candle(&x, &weights, bias_tensor, config),
            TOLERANCE,
        );
    }

    #[test]
    fn doubling_conv_transpose2d_matches(
        n in 1usize..4, c_in in 1usize..20, c_out in 1usize..20, h in 1usize..9, w in 1usize..20,
        seed: u64,
    ) {
        let config = ConvTranspose2dConfig::doubling();
        let x = positive_var(seed, &[n, c_in, h, w]);
        let weights = positive_var(seed ^ 1, &[c_in, c_out, 4, 4]);
        let bias = positive_var(seed ^ 2, &[c_out]);
        compare(
            "doubling conv_transpose2d",
            &[&x, &weights, &bias],
            || conv_transpose2d(&x, &weights, Some(&bias), config),
            || conv_transpose2d_in_candle(&x, &weights, Some(&bias), config),
            TOLERANCE,
        );
    }

    #[test]
    fn squeeze_and_excitation_matches(
        n in 1usize..4, c in 1usize..6, h in 1usize..9, w in 1usize..12, seed: u64,
    ) {
        let (x, scale) = (positive_var(seed, &[n, c, h, w]), positive_var(seed ^ 1, &[n, c]));
        compare(
            "global_avg_pool2d",
            &[&x],
            || global_avg_pool2d(&x),
            || x.mean((2, 3)),
            TOLERANCE,
        );
        compare(
            "scale_channels",
            &[&x, &scale],
            || scale_channels(&x, &scale),
            || x.broadcast_mul(&scale.reshape((n, c, 1, 1))?),
            TOLERANCE,
        );
    }

    #[test]
    fn prelu_matches(n in 1usize..4, c in 1usize..6, rest in 0usize..40, seed: u64) {
        // Of rank 2 and 3.
        let shape = if rest == 0 { vec![n, c] } else { vec![n, c, rest] };
        let (x, slope) = (var(seed, &shape), var(seed ^ 1, &[c]));
        let mut per_channel = vec![1; shape.len()];
        per_channel[1] = c;
        compare(
            "prelu",
            &[&x, &slope],
            || prelu(&x, &slope),
            || {
                let negative = x.minimum(0.0)?;
                x.maximum(0.0)? + negative.broadcast_mul(&slope.reshape(per_channel.as_slice())?)?
            },
            TOLERANCE,
        );
    }

    #[test]
    fn soft_argmax2d_matches(
        n in 1usize..4, k in 1usize..5, h in 1usize..9, w in 1usize..20, beta in 0.1f64..8.0,
        seed: u64,
    ) {
        let maps = var(seed, &[n, k, h, w]);
        // In f64, because the gradient of a sharp map is a small difference.
        let maps64 = Var::from_tensor(&maps.to_dtype(DType::F64).unwrap()).unwrap();
        let (y, grads) = value_and_grads(&[&maps], || soft_argmax2d(&maps, beta)).unwrap();
        let reference = || soft_argmax_in_candle(&maps64, beta);
        let (y64, grads64) = value_and_grads(&[&maps64], reference).unwrap();
        let errors = [relative_error(&y, &y64), relative_error(&grads[0], &grads64[0])];
        // Where one score outweighs the others, all gradients are differences of nearly equal numbers.
        let is_close = errors[0] <= TOLERANCE && errors[1] <= 8.0 * TOLERANCE;
        prop_assert!(h * w == 1 || is_close, "{errors:?}");
    }
}

/// Widths beyond one vector, odd sizes, and few different values, so that maxima are often equal.
#[test]
fn two_by_two_max_pool_takes_the_first_of_equal_maxima() {
    for (h, w) in [(2, 2), (5, 7), (6, 64), (9, 131)] {
        let levels = random(h as u64, &[2, 3, h, w]).affine(2.0, 0.0).unwrap();
        let levels = levels.round().unwrap().flatten_all().unwrap();
        let mut values = levels.to_vec1::<f32>().unwrap();
        values.iter_mut().step_by(11).for_each(|v| *v = f32::NAN);
        let x = Var::from_vec(values.clone(), (2, 3, h, w), &Device::Cpu).unwrap();
        let y = max_pool2d(&x, 2, 2).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        let dx = grads.get(&x).unwrap().flatten_all().unwrap();

        let (mut expected, mut expected_dx) = (vec![], vec![0.0; values.len()]);
        for (plane, values) in values.chunks(h * w).enumerate() {
            for top in (0..h / 2).flat_map(|i| (0..w / 2).map(move |j| 2 * i * w + 2 * j)) {
                let window = [top, top + 1, top + w, top + w + 1];
                let largest = window.iter().map(|&i| values[i]).fold(f32::MIN, f32::max);
                let nan = window.iter().find(|&&i| values[i].is_nan());
                let first = window.iter().find(|&&i| values[i] == largest);
                let max = *nan.or(first).unwrap();
                expected.push(values[max].to_bits());
                expected_dx[plane * h * w + max] = 1.0;
            }
        }
        let y = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(y.into_iter().map(f32::to_bits).eq(expected), "{h}×{w}");
        assert_eq!(dx.to_vec1::<f32>().unwrap(), expected_dx, "{h}×{w}");
        let untracked = max_pool2d(&x.as_detached_tensor(), 2, 2).unwrap();
        let untracked = untracked.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let tracked = max_pool2d(&x, 2, 2).unwrap();
        let tracked = tracked.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(untracked), bits(tracked), "{h}×{w}");
    }
}

#[test]
fn sharp_maps_do_not_overflow() {
    let mut values = vec![-1e30f32; 4 * 6];
    values[2 * 6 + 5] = 1e30;
    let maps = Var::from_vec(values, (1, 1, 4, 6), &Device::Cpu).unwrap();
    let xy = soft_argmax2d(&maps, 10.0).unwrap();
    assert_eq!(
        xy.flatten_to(1).unwrap().to_vec2::<f32>().unwrap(),
        [[5.0, 2.0]]
    );
    let grads = xy.sum_all().unwrap().backward().unwrap();
    let d = grads.get(&maps).unwrap().flatten_all().unwrap();
    assert!(d.to_vec1::<f32>().unwrap().iter().all(|&d| d == 0.0));
}

#[test]
fn gradients_of_two_uses_are_added() {
    let to64 = |t: Tensor| Var::from_tensor(&t.to_dtype(DType::F64).unwrap()).unwrap();
    for x in [var(1, &[1, 2, 3, 3]), to64(random(1, &[1, 2, 3, 3]))] {
        let sum =
            (x.sum_all().unwrap() + upsample_nearest2d(&x, 2).unwrap().sum_all().unwrap()).unwrap();
        let grads = sum.backward().unwrap();
        let dx = grads.get(&x).unwrap().to_dtype(DType::F32).unwrap();
        let dx = dx.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(dx, [5.0; 18]);
    }
}

#[test]
fn strided_views_are_accepted() {
    let x = var(1, &[5, 4, 3, 2]);
    let view = || x.permute((3, 2, 1, 0));
    let copy = || view()?.contiguous();
    let check = |what: &str, f: &dyn Fn(&Tensor) -> Result<Tensor>| {
        compare(what, &[&x], || f(&view()?), || f(&copy()?), 0.0);
    };
    check("upsample_nearest2d", &|x| upsample_nearest2d(x, 2));
    check("upsample_bilinear2d", &|x| upsample_bilinear2d(x, 2));
    check("global_avg_pool2d", &global_avg_pool2d);
    check("soft_argmax2d", &|x| soft_argmax2d(x, 2.0));
    let (scale, slope) = (var(2, &[3, 2]), var(3, &[3]));
    check("scale_channels", &|x| scale_channels(x, &scale.t()?));
    check("prelu", &|x| prelu(x, &slope));
    let w = var(4, &[4, 4, 2, 3]);
    check("conv_transpose2d", &|x| {
        let w = w.permute((3, 2, 1, 0))?;
        conv_transpose2d(x, &w, None, ConvTranspose2dConfig::doubling())
    });
}

/// In f64 the same functions are candle's operations: their values and gradients.
#[test]
fn other_element_types_use_candle_operations() {
    let inputs = [[2usize, 3, 4, 5].as_slice(), &[2, 3], &[3], &[3, 2, 4, 4]];
    let in32: Vec<Var> = inputs.iter().zip(1..).map(|(s, i)| var(i, s)).collect();
    let to64 = |v: &Var| Var::from_tensor(&v.to_dtype(DType::F64).unwrap()).unwrap();
    let in64: Vec<Var> = in32.iter().map(to64).collect();
    let check = |what: &str, used: &[usize], f: &dyn Fn(&[Var]) -> Result<Tensor>| {
        let run = |vars: &[Var]| {
            let used: Vec<&Var> = used.iter().map(|&i| &vars[i]).collect();
            value_and_grads(&used, || f(vars)).unwrap()
        };
        let ((y, grads), (y64, grads64)) = (run(&in32), run(&in64));
        assert_eq!(y64.dtype(), DType::F64);
        assert!(relative_error(&y, &y64) < TOLERANCE, "{what}");
        for (g, g64) in grads.iter().zip(&grads64) {
            assert!(relative_error(g, g64) < TOLERANCE, "{what}");
        }
    };
    check("upsample_nearest2d", &[0], &|v| {
        upsample_nearest2d(&v[0], 3)
    });
    check("upsample_bilinear2d", &[0], &|v| {
        upsample_bilinear2d(&v[0], 3)
    });
    check("global_avg_pool2d", &[0], &|v| global_avg_pool2d(&v[0]));
    check("soft_argmax2d", &[0], &|v| soft_argmax2d(&v[0], 3.0));
    check("scale_channels", &[0, 1], &|v| scale_channels(&v[0], &v[1]));
    check("prelu", &[0, 2], &|v| prelu(&v[0], &v[2]));
    check("conv_transpose2d", &[0, 3], &|v| {
        conv_transpose2d(&v[0], &v[3], None, ConvTranspose2dConfig::doubling())
    });
}

#[test]
fn bad_shapes_are_clear_errors() {
    let zeros = |s: &[usize]| Tensor::zeros(s, DType::F32, &Device::Cpu).unwrap();
    let image = zeros(&[1, 2, 4, 4]);
    let plain = ConvTranspose2dConfig::new();
    let conv = |x: &[usize], w: &[usize], c| conv_transpose2d(&zeros(x), &zeros(w), None, c);
    for (result, expected) in [
        (upsample_nearest2d(&image, 0), "scale must be at least 1"),
        (
            upsample_nearest2d(&zeros(&[2, 3]), 2),
            "must be [n, c, h, w]",
        ),
        (upsample_bilinear2d(&image, 0), "scale must be at least 1"),
        (
            upsample_bilinear2d(&zeros(&[0, 1, 2, 2]), 2),
            "must not be empty",
        ),
        (
            global_avg_pool2d(&zeros(&[1, 2, 0, 4])),
            "must not be empty",
        ),
        (global_avg_pool2d(&zeros(&[2, 4])), "must be [n, c, h, w]"),
        (scale_channels(&image, &zeros(&[2])), "scale must be [1, 2]"),
        (
            scale_channels(&zeros(&[0, 2, 4, 4]), &zeros(&[0, 2])),
            "must not be empty",
        ),
        (prelu(&image, &zeros(&[1])), "slope must be [2]"),
        (prelu(&zeros(&[3]), &zeros(&[3])), "must be [n, c, ..]"),
        (prelu(&zeros(&[0, 3]), &zeros(&[3])), "must not be empty"),
        (soft_argmax2d(&image, 0.0), "must be positive and finite"),
        (
            soft_argmax2d(&image, f64::NAN),
            "must be positive and finite",
        ),
        (
            soft_argmax2d(&zeros(&[1, 2, 3]), 1.0),
            "must be [n, k, h, w]",
        ),
        (
            soft_argmax2d(&zeros(&[1, 2, 0, 3]), 1.0),
            "must not be empty",
        ),
        (
            conv(&[1, 2, 4], &[2, 1, 2, 2], plain),
            "must be [n, c_in, h, w]",
        ),
        (
            conv(&[1, 2, 4, 4], &[2, 1, 2], plain),
            "must be [c_in, c_out, kh, kw]",
        ),
        (conv(&[1, 2, 4, 4], &[3, 1, 2, 2], plain), "has 2 channels"),
        (
            conv(&[0, 2, 4, 4], &[2, 1, 2, 2], plain),
            "dimension of size 0",
        ),
        (
            conv(&[1, 2, 4, 4], &[2, 1, 2, 2], plain.stride(0)),
            "stride must be at least 1",
        ),
        (
            conv(&[1, 2, 4, 4], &[2, 1, 2, 2], plain.output_padding(1)),
            "must be less than stride",
        ),
        (
            conv(&[1, 2, 4, 4], &[2, 1, 2, 2], plain.padding(3)),
            "leaves nothing",
        ),
        (
            conv_transpose2d(&image, &zeros(&[2, 3, 2, 2]), Some(&zeros(&[2])), plain),
            "bias must be [3]",
        ),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error} should say {expected:?}");
    }
}
