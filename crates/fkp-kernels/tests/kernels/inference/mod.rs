//! Plans of random networks against the operations one by one.

mod both;
mod maps;
mod network;

use candle_core::{Device, Tensor};
use fkp_kernels::inference::{ConvLayer, ConvTransposeLayer, PlanBuilder, Residual};
use fkp_kernels::{
    Activation, Channels, Conv2dConfig, ConvTranspose2dConfig, conv2d, depthwise_conv2d,
};
use proptest::prelude::*;

use crate::support::{random, relative_error};
use both::{Both, flat, run};

const TOLERANCE: f64 = 1e-5;

/// Of a random network of up to a dozen layers. Winograd's algorithm rounds up to ten times as much
/// as sums in order, and a difference of maps may cancel most of a value but not its rounding.
const TOLERANCE_OF_RANDOM_NETWORKS: f64 = 1e-4;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn random_networks(
        seed in any::<u64>(),
        (n, c) in (1usize..4, prop::sample::select(vec![1usize, 3, 4, 5, 16, 20])),
        (h, w) in (1usize..20, 1usize..20),
        depth in 1usize..8,
    ) {
        let x = random(seed, &[n, c, h, w]);
        let both = Both { builder: PlanBuilder::new([c, h, w]).unwrap(), seed };
        let (plan, expected) = both.network(&x, depth);
        let got = run(&plan, &x);
        let got_tensor = Tensor::from_vec(got.clone(), expected.shape(), &Device::Cpu).unwrap();
        let error = relative_error(&got_tensor, &expected);
        prop_assert!(error <= TOLERANCE_OF_RANDOM_NETWORKS, "{error:.2e}");
        // The buffers have the values of the run before.
        prop_assert_eq!(&got, &run(&plan, &x));
        // The same bits one by one: no batch of these is large enough for another algorithm.
        let single: Vec<f32> = (0..n)
            .flat_map(|i| run(&plan, &x.narrow(0, i, 1).unwrap()))
            .collect();
        prop_assert_eq!(got, single);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Two of them, so that the first writes into the frame that the second reads.
    #[test]
    fn bottlenecks(
        seed in any::<u64>(),
        c in prop::sample::select(vec![1usize, 3, 5, 16, 24]),
        wide in prop::sample::select(vec![4usize, 16, 24, 40, 96]),
        out in prop::sample::select(vec![1usize, 5, 16, 24, 40]),
        (h, w) in (1usize..20, 1usize..34),
    ) {
        check_bottlenecks(seed, [c, h, w], wide, [out, c]);
    }
}

/// Maps that need several bands, and several parts of bands.
#[test]
fn large_bottlenecks() {
    for seed in 0..4 {
        check_bottlenecks(seed, [1, 61, 58], 4, [16, 16]);
        check_bottlenecks(seed, [16, 53, 56], 70, [16, 24]);
        check_bottlenecks(seed, [3, 9, 700], 24, [3, 8]);
    }
}

fn check_bottlenecks(seed: u64, shape: [usize; 3], wide: usize, out: [usize; 2]) {
    let x = random(seed, &[1, shape[0], shape[1], shape[2]]);
    let builder = PlanBuilder::new(shape).unwrap();
    let mut both = Both { builder, seed };
    let mut y = (both.builder.input(), x.clone());
    for out in out {
        y = both.bottleneck(&y, wide, out);
    }
    let plan = both.builder.build(y.0).unwrap();
    let got = run(&plan, &x);
    let tensor = Tensor::from_vec(got.clone(), y.1.shape(), &Device::Cpu).unwrap();
    let error = relative_error(&tensor, &y.1);
    assert!(error <= TOLERANCE, "seed {seed}, {shape:?}: {error:.2e}");
    assert_eq!(got, run(&plan, &x), "a second run");
}

/// Lines of every length, in tiles of several lengths.
#[test]
fn products_of_lines_of_every_length() {
    for w in 1..34 {
        let x = random(w as u64, &[1, 5, 3, w]);
        let mut both = Both {
            builder: PlanBuilder::new([5, 3, w]).unwrap(),
            seed: 1,
        };
        // The depthwise convolution needs zeros around its input, which separate the lines.
        let weights = [[40, 5, 1, 1], [40, 1, 3, 3]].map(|shape| both.values(&shape, 0.5));
        let relu = Conv2dConfig::new().relu();
        let layer = ConvLayer {
            weight: &flat(&weights[0]),
            shape: [40, 5, 1, 1],
            bias: None,
            channels: Channels::All,
            config: relu,
            residual: Residual::None,
        };
        let y = both.builder.conv2d(both.builder.input(), layer).unwrap();
        let layer = ConvLayer {
            weight: &flat(&weights[1]),
            shape: [40, 1, 3, 3],
            channels: Channels::Depthwise,
            config: relu.padding(1),
            ..layer
        };
        let y = both.builder.conv2d(y, layer).unwrap();
        let plan = both.builder.build(y).unwrap();
        let z = conv2d(&x, &weights[0], None, relu).unwrap();
        let z = depthwise_conv2d(&z, &weights[1], None, relu.padding(1)).unwrap();
        let got = Tensor::from_vec(run(&plan, &x), z.shape(), &Device::Cpu).unwrap();
        let error = relative_error(&got, &z);
        assert!(error <= TOLERANCE, "{w} pixels: {error:.2e}");
    }
}

/// A network with every algorithm gives the same bits with any number of threads.
#[test]
fn threads_do_not_change_a_result() {
    let x = random(1, &[7, 1, 32, 32]);
    let mut both = Both {
        builder: PlanBuilder::new([1, 32, 32]).unwrap(),
        seed: 3,
    };
    let mut y = (both.builder.input(), x.clone());
    for (wide, out) in [(4, 16), (64, 24), (96, 24)] {
        y = both.bottleneck(&y, wide, out);
    }
    for _ in 0..3 {
        y = both.conv(&y);
        y = both.conv_transpose(&y);
        y = both.scale(&y).0;
        y = both.upsample(&y);
        y = both.prelu(&y);
    }
    let positions = both.soft_argmax(&y);
    y = (
        both.builder.flatten(y.0).unwrap(),
        y.1.flatten_from(1).unwrap(),
    );
    y = both.linear(&y);
    let of_positions = both.linear(&positions);
    y = both.add(&y, &of_positions);
    let plan = both.builder.build(y.0).unwrap();
    let results = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| run(&plan, &x))
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    let error = relative_error(
        &Tensor::from_vec(results[0].clone(), y.1.shape(), &Device::Cpu).unwrap(),
        &y.1,
    );
    assert!(error <= TOLERANCE, "{error:.2e}");
}

#[test]
fn invalid_shapes_are_refused() {
    assert!(PlanBuilder::new([1, 0, 4]).is_err());
    let mut builder = PlanBuilder::new([1, 4, 4]).unwrap();
    let x = builder.input();
    let layer = ConvLayer {
        weight: &[0.0; 18],
        shape: [2, 1, 3, 3],
        bias: None,
        channels: Channels::All,
        config: Conv2dConfig::new(),
        residual: Residual::BeforeActivation(x),
    };
    assert!(builder.conv2d(x, layer).is_err());
    let layer = ConvLayer {
        residual: Residual::None,
        ..layer
    };
    let short = ConvLayer {
        weight: &[0.0; 17],
        ..layer
    };
    assert!(builder.conv2d(x, short).is_err());
    let y = builder.conv2d(x, layer).unwrap();
    assert!(builder.max_pool(y, 3, 1).is_err());
    assert!(builder.upsample_nearest(y, 0).is_err());
    assert!(builder.prelu(y, &[0.1]).is_err());
    assert!(builder.soft_argmax(y, 0.0).is_err());
    let means = builder.global_avg_pool(y).unwrap();
    assert!(builder.upsample_bilinear(means, 2).is_err());
    assert!(builder.scale_channels(x, means).is_err());
    assert!(builder.scale_channels(y, x).is_err());
    let transposed = ConvTransposeLayer {
        weight: &[0.0; 2 * 16],
        shape: [2, 1, 4, 4],
        bias: None,
        config: ConvTranspose2dConfig::doubling(),
        activation: Activation::Identity,
    };
    assert!(builder.conv_transpose2d(y, transposed).is_ok());
    assert!(builder.conv_transpose2d(x, transposed).is_err());
    let short = ConvTransposeLayer {
        weight: &[0.0; 31],
        ..transposed
    };
    assert!(builder.conv_transpose2d(y, short).is_err());
    assert!(builder.add(x, y).is_err());
    let plan = builder.build(y).unwrap();
    assert_eq!(plan.out_len(), 8);
    let mut out = [0.0; 8];
    assert!(plan.run(&[0.0; 16], 0, &mut []).is_err());
    assert!(plan.run(&[0.0; 15], 1, &mut out).is_err());
    assert!(plan.run(&[0.0; 16], 1, &mut out).is_ok());
}
