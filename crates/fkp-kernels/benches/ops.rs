//! Benchmarks of each operation on the shapes of the tutorial network: `cargo bench -p
//! fkp-kernels`.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first error")]

use candle_core::{Device, Tensor, Var};
use criterion::{Criterion, criterion_group, criterion_main};
use fkp_kernels::inference::{ConvLayer, PlanBuilder, Residual};
use fkp_kernels::{
    Activation, Adam, AdamConfig, Channels, Conv2dConfig, ConvTranspose2dConfig, Gradients,
    avg_pool2d, backward, batch_norm_train, conv_transpose2d, conv2d, dropout, gelu,
    global_avg_pool2d, linear, max_pool2d, prelu, relu, scale_channels, silu, soft_argmax2d,
    upsample_bilinear2d, upsample_nearest2d,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn normal(shape: &[usize]) -> Var {
    Var::from_tensor(&Tensor::randn(0f32, 1.0, shape, &Device::Cpu).unwrap()).unwrap()
}

fn forward_and_backward(c: &mut Criterion, name: &str, f: impl Fn() -> Tensor) {
    c.bench_function(&format!("{name}/forward"), |b| b.iter(&f));
    c.bench_function(&format!("{name}/forward+backward"), |b| {
        b.iter(|| f().sum_all().unwrap().backward().unwrap());
    });
}

fn convolutions(c: &mut Criterion) {
    let fused = Conv2dConfig::new().padding(1).relu().max_pool2();
    for (c_in, c_out, side) in [(1, 32, 96), (32, 64, 48), (64, 128, 24)] {
        let x = normal(&[32, c_in, side, side]);
        // The first layer's input is data, without gradient.
        let x = if c_in == 1 {
            x.as_detached_tensor()
        } else {
            x.into_inner()
        };
        let (w, b) = (normal(&[c_out, c_in, 3, 3]), normal(&[c_out]));
        forward_and_backward(c, &format!("conv2d {c_in}-{c_out}@{side} fused"), || {
            conv2d(&x, &w, Some(&b), fused).unwrap()
        });
    }
    let (x, w) = (normal(&[32, 32, 24, 24]), normal(&[32, 32, 5, 5]));
    let config = Conv2dConfig::new().padding(2).stride(2);
    forward_and_backward(c, "conv2d 32-32@24 5x5 stride 2", || {
        conv2d(&x, &w, None, config).unwrap()
    });
}

fn other_operations(c: &mut Criterion) {
    let x = normal(&[32, 64, 24, 24]);
    forward_and_backward(c, "max_pool2d", || max_pool2d(&x, 2, 2).unwrap());
    forward_and_backward(c, "avg_pool2d", || avg_pool2d(&x, 2, 2).unwrap());
    forward_and_backward(c, "relu", || relu(&x).unwrap());
    forward_and_backward(c, "silu", || silu(&x).unwrap());
    forward_and_backward(c, "gelu", || gelu(&x).unwrap());
    forward_and_backward(c, "dropout", || dropout(&x, 0.5, 1).unwrap());
    let (gamma, beta) = (normal(&[64]), normal(&[64]));
    forward_and_backward(c, "batch_norm_train", || {
        batch_norm_train(&x, &gamma, &beta, 1e-5, Activation::Relu)
            .unwrap()
            .0
    });
}

/// The sizes of the second stage of a network for 192×192 images.
fn pools_and_normalization(c: &mut Criterion) {
    let x = normal(&[32, 24, 96, 96]);
    forward_and_backward(c, "max_pool2d 24@96", || max_pool2d(&x, 2, 2).unwrap());
    forward_and_backward(c, "avg_pool2d 24@96", || avg_pool2d(&x, 2, 2).unwrap());
    let (gamma, beta) = (normal(&[24]), normal(&[24]));
    forward_and_backward(c, "batch_norm_train 24@96", || {
        batch_norm_train(&x, &gamma, &beta, 1e-5, Activation::Relu)
            .unwrap()
            .0
    });
}

/// The time that a plan takes beside its arithmetic: thirty operations on maps of 4×4 pixels.
fn tiny_plan(c: &mut Criterion) {
    let mut builder = PlanBuilder::new([8, 4, 4]).unwrap();
    let mut x = builder.input();
    for i in 0..30 {
        let (shape, channels) = match i % 3 {
            0 => ([8, 8, 3, 3], Channels::All),
            1 => ([8, 8, 1, 1], Channels::All),
            _ => ([8, 1, 3, 3], Channels::Depthwise),
        };
        let layer = ConvLayer {
            weight: &vec![0.1; shape.iter().product()],
            shape,
            bias: None,
            channels,
            config: Conv2dConfig::new().padding(shape[2] / 2).relu(),
            residual: Residual::None,
        };
        x = builder.conv2d(x, layer).unwrap();
    }
    let plan = builder.build(x).unwrap();
    let (x, mut out) = (vec![0.5; 8 * 4 * 4], vec![0.0; plan.out_len()]);
    c.bench_function("plan of thirty tiny layers", |b| {
        b.iter(|| plan.run(&x, 1, &mut out).unwrap());
    });
}

/// Operations of networks whose output is maps, and of squeeze-and-excitation.
fn feature_maps(c: &mut Criterion) {
    let x = normal(&[32, 64, 24, 24]);
    forward_and_backward(c, "upsample_nearest2d 64@24 ×2", || {
        upsample_nearest2d(&x, 2).unwrap()
    });
    forward_and_backward(c, "upsample_bilinear2d 64@24 ×2", || {
        upsample_bilinear2d(&x, 2).unwrap()
    });
    let (w, b) = (normal(&[64, 64, 4, 4]), normal(&[64]));
    forward_and_backward(c, "conv_transpose2d 64-64@24 4x4 doubling", || {
        conv_transpose2d(&x, &w, Some(&b), ConvTranspose2dConfig::doubling()).unwrap()
    });
    forward_and_backward(c, "global_avg_pool2d 64@24", || {
        global_avg_pool2d(&x).unwrap()
    });
    let (scale, slope) = (normal(&[32, 64]), normal(&[64]));
    forward_and_backward(c, "scale_channels 64@24", || {
        scale_channels(&x, &scale).unwrap()
    });
    forward_and_backward(c, "prelu 64@24", || prelu(&x, &slope).unwrap());
    let maps = normal(&[32, 15, 48, 48]);
    forward_and_backward(c, "soft_argmax2d 15@48", || {
        soft_argmax2d(&maps, 1.0).unwrap()
    });
}

fn dense_and_adam(c: &mut Criterion) {
    let (x, w, b) = (normal(&[32, 18432]), normal(&[500, 18432]), normal(&[500]));
    let loss = || {
        linear(&x, &w, Some(&b), Activation::Relu)
            .unwrap()
            .sum_all()
            .unwrap()
    };
    forward_and_backward(c, "linear 18432-500", || {
        linear(&x, &w, Some(&b), Activation::Relu).unwrap()
    });
    let one = x.narrow(0, 0, 1).unwrap().detach();
    let (w_data, b_data) = (w.as_detached_tensor(), b.as_detached_tensor());
    c.bench_function("linear 18432-500 batch 1", |bench| {
        bench.iter(|| linear(&one, &w_data, Some(&b_data), Activation::Relu).unwrap());
    });
    let named = vec![("w".to_owned(), w.clone())];
    let mut adam = Adam::new(named, AdamConfig::default()).unwrap();
    let grads = Gradients::from(loss().backward().unwrap());
    c.bench_function("adam/gradient", |b| {
        b.iter(|| adam.step(&grads, 1e-3).unwrap())
    });
    let grads = backward(&loss()).unwrap();
    c.bench_function("adam/factored gradient", |b| {
        b.iter(|| adam.step(&grads, 1e-3).unwrap());
    });
}

criterion_group!(
    ops,
    convolutions,
    other_operations,
    pools_and_normalization,
    feature_maps,
    tiny_plan,
    dense_and_adam
);
criterion_main!(ops);
