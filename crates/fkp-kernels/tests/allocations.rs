//! A plan allocates nothing once it has its buffers. This is a test binary of its own, because the
//! counting allocator is global.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use fkp_kernels::inference::{
    ConvLayer, ConvTransposeLayer, LinearLayer, PlanBuilder, Residual, Value,
};
use fkp_kernels::{Activation, Channels, Conv2dConfig, ConvTranspose2dConfig};

fn conv(
    builder: &mut PlanBuilder,
    x: Value,
    shape: [usize; 4],
    channels: Channels,
    config: Conv2dConfig,
    residual: Residual,
) -> Value {
    let layer = ConvLayer {
        weight: &vec![0.01; shape.iter().product()],
        shape,
        bias: None,
        channels,
        config,
        residual,
    };
    builder.conv2d(x, layer).unwrap()
}

fn squeeze_and_excite(b: &mut PlanBuilder, x: Value, channels: usize) -> Value {
    let linear = |b: &mut PlanBuilder, x, activation| {
        let layer = LinearLayer {
            weight: &vec![0.01; channels * channels],
            bias: None,
            activation,
        };
        b.linear(x, layer).unwrap()
    };
    let means = b.global_avg_pool(x).unwrap();
    let hidden = linear(b, means, Activation::Relu);
    let factors = linear(b, hidden, Activation::Sigmoid);
    b.scale_channels(x, factors).unwrap()
}

/// The positions in five enlarged maps of an input of 20 channels.
fn maps(b: &mut PlanBuilder, x: Value) -> Value {
    let layer = ConvTransposeLayer {
        weight: &[0.01; 20 * 5 * 4 * 4],
        shape: [20, 5, 4, 4],
        bias: None,
        config: ConvTranspose2dConfig::doubling(),
        activation: Activation::Silu,
    };
    let y = b.conv_transpose2d(x, layer).unwrap();
    let y = b.upsample_bilinear(y, 2).unwrap();
    let y = b.upsample_nearest(y, 2).unwrap();
    b.soft_argmax(y, 2.0).unwrap()
}

/// Every algorithm, with and without pooling, and all other operations.
#[test]
fn a_run_of_one_image_allocates_nothing() {
    let mut builder = PlanBuilder::new([1, 37, 41]).unwrap();
    let b = &mut builder;
    let same = Conv2dConfig::new().padding(1).relu();
    let (all, depthwise) = (Channels::All, Channels::Depthwise);
    let x = b.input();
    let x = conv(b, x, [20, 1, 3, 3], all, same.max_pool2(), Residual::None);
    let added = Residual::BeforeActivation(x);
    let x = conv(b, x, [20, 20, 3, 3], all, same, added);
    let x = conv(b, x, [20, 20, 3, 3], all, same.max_pool2(), Residual::None);
    let silu = same.activation(Activation::Silu);
    let y = conv(b, x, [20, 1, 3, 3], depthwise, silu, Residual::None);
    let plain = Conv2dConfig::new();
    let y = conv(
        b,
        y,
        [20, 20, 1, 1],
        all,
        plain,
        Residual::AfterActivation(x),
    );
    let y = conv(
        b,
        y,
        [20, 1, 3, 3],
        depthwise,
        same.max_pool2(),
        Residual::None,
    );
    let y = conv(b, y, [40, 20, 1, 1], all, plain, Residual::None);
    let y = conv(b, y, [40, 1, 3, 3], depthwise, same, Residual::None);
    let y = conv(b, y, [20, 40, 1, 1], all, plain, Residual::None);
    let max = b.max_pool(y, 2, 1).unwrap();
    let mean = b.avg_pool(y, 2, 1).unwrap();
    let y = b.add(max, mean).unwrap();
    let y = b.activate(y, Activation::Gelu).unwrap();
    let y = squeeze_and_excite(b, y, 20);
    let y = b.prelu(y, &[0.1; 20]).unwrap();
    let positions = maps(b, y);
    let features = b.global_avg_pool(y).unwrap();
    let flat = b.flatten(y).unwrap();
    let mut linear = |x, n_in: usize| {
        let layer = LinearLayer {
            weight: &vec![0.01; 10 * n_in],
            bias: None,
            activation: Activation::Relu,
        };
        b.linear(x, layer).unwrap()
    };
    let outputs = [
        linear(features, 20),
        linear(flat, 20 * 3 * 4),
        linear(positions, 2 * 5),
    ];
    let y = builder.add(outputs[0], outputs[1]).unwrap();
    let y = builder.add(y, outputs[2]).unwrap();
    let y = builder.prelu(y, &[0.1; 10]).unwrap();
    let plan = builder.build(y).unwrap();
    let (x, mut out) = (vec![0.5; 37 * 41], [0.0; 10]);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        plan.run(&x, 1, &mut out).unwrap();
        let run = || plan.run(&x, 1, &mut out).unwrap();
        assert_eq!(allocation_counter::measure(run).count_total, 0);
    });
}
