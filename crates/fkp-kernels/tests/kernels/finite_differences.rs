//! Gradients against central differences of the value, independent of candle's backward.

use candle_core::{DType, Result, Tensor, Var};
use fkp_kernels::{
    Activation, Conv2dConfig, ConvTranspose2dConfig, avg_pool2d, batch_norm_train,
    conv_transpose2d, conv2d, gelu, global_avg_pool2d, linear, prelu, scale_channels, silu,
    soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};

use crate::support::{random, var};

/// `Σ weight ⊙ f` in f64, the scalar whose derivatives are compared.
fn scalar(f: &dyn Fn() -> Result<Tensor>) -> f64 {
    let y = f().unwrap();
    let weight = random(99, y.dims());
    let y = y.to_dtype(DType::F64).unwrap();
    let weighted = (y * weight.to_dtype(DType::F64).unwrap()).unwrap();
    weighted.sum_all().unwrap().to_scalar::<f64>().unwrap()
}

/// Compares the derivative along a random direction of all variables together.
fn check(what: &str, vars: &[&Var], f: &dyn Fn() -> Result<Tensor>) {
    let y = f().unwrap();
    let grads = (&y * random(99, y.dims()))
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    for (i, v) in vars.iter().enumerate() {
        let direction = random(1000 + i as u64, v.dims());
        let expected = (grads.get(v).unwrap() * &direction)
            .unwrap()
            .to_dtype(DType::F64)
            .unwrap();
        let expected = expected.sum_all().unwrap().to_scalar::<f64>().unwrap();
        let start = v.as_tensor().copy().unwrap();
        let h = 1e-2;
        let at = |t: f64| {
            v.set(&(&start + direction.affine(t, 0.0).unwrap()).unwrap())
                .unwrap();
            scalar(f)
        };
        // Fourth order, so that h can be large compared with the rounding of f32.
        let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / 12.0 / h;
        v.set(&start).unwrap();
        let error = (slope - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < 2e-3,
            "{what}, variable {i}: {slope} by differences, {expected} by backward"
        );
    }
}

#[test]
fn smooth_operations() {
    let x = var(1, &[2, 9, 10, 11]);
    for (k, stride, padding) in [(3, 1, 1), (3, 1, 0), (5, 2, 2), (1, 1, 0), (7, 1, 3)] {
        let (w, b) = (var(2, &[12, 9, k, k]), var(3, &[12]));
        let config = Conv2dConfig::new().padding(padding).stride(stride);
        check("conv2d", &[&x, &w, &b], &|| {
            conv2d(&x, &w, Some(&b), config)
        });
    }
    let (gray, w, b) = (var(4, &[2, 1, 9, 9]), var(5, &[20, 1, 3, 3]), var(6, &[20]));
    check("conv2d of gray", &[&gray, &w, &b], &|| {
        conv2d(
            &gray,
            &w,
            Some(&b),
            Conv2dConfig::new().padding(1).stride(2),
        )
    });
    let (a, w, b) = (var(7, &[6, 70]), var(8, &[33, 70]), var(9, &[33]));
    check("linear", &[&a, &w, &b], &|| {
        linear(&a, &w, Some(&b), Activation::Identity)
    });
    check("avg_pool2d", &[&x], &|| avg_pool2d(&x, 3, 2));
    check("silu", &[&a], &|| silu(&a));
    check("gelu", &[&a], &|| gelu(&a));
    let (gamma, beta) = (var(10, &[9]), var(11, &[9]));
    check("batch_norm_train", &[&x, &gamma, &beta], &|| {
        Ok(batch_norm_train(&x, &gamma, &beta, 1e-5, Activation::Identity)?.0)
    });
}

#[test]
fn operations_on_feature_maps() {
    let x = var(1, &[2, 9, 10, 11]);
    check("avg_pool2d 2×2", &[&x], &|| avg_pool2d(&x, 2, 2));
    check("global_avg_pool2d", &[&x], &|| global_avg_pool2d(&x));
    for scale in [2, 3] {
        check("upsample_nearest2d", &[&x], &|| {
            upsample_nearest2d(&x, scale)
        });
        check("upsample_bilinear2d", &[&x], &|| {
            upsample_bilinear2d(&x, scale)
        });
    }
    let scale = var(2, &[2, 9]);
    check("scale_channels", &[&x, &scale], &|| {
        scale_channels(&x, &scale)
    });
    check("soft_argmax2d", &[&x], &|| soft_argmax2d(&x, 1.5));
    let doubling = ConvTranspose2dConfig::doubling();
    for (k, config) in [
        (4, doubling),
        (3, doubling.output_padding(1)),
        (5, doubling),
    ] {
        let (w, b) = (var(3, &[9, 5, k, k]), var(4, &[5]));
        check("conv_transpose2d", &[&x, &w, &b], &|| {
            conv_transpose2d(&x, &w, Some(&b), config)
        });
    }
    // Far enough from 0 that the differences do not cross the corner.
    let far = x.affine(4.0, 0.0).unwrap();
    let far = Var::from_tensor(&(&far + far.sign().unwrap() * 0.5).unwrap()).unwrap();
    let slope = var(5, &[9]);
    check("prelu", &[&far, &slope], &|| prelu(&far, &slope));
}
