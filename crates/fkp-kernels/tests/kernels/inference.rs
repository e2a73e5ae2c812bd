//! Plans of random networks against the operations one by one.

use candle_core::{D, Device, Tensor};
use fkp_kernels::inference::{ConvLayer, LinearLayer, Plan, PlanBuilder, Residual, Value};
use fkp_kernels::{
    Activation, Channels, Conv2dConfig, activate, avg_pool2d, conv2d, depthwise_conv2d, linear,
    max_pool2d,
};
use proptest::prelude::*;

use crate::support::{random, relative_error};

const TOLERANCE: f64 = 1e-5;

const ACTIVATIONS: [Activation; 7] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Silu,
    Activation::HardSwish,
    Activation::Gelu,
];

/// A network that is built as a plan and computed operation by operation.
struct Both {
    builder: PlanBuilder,
    /// The state of the random numbers that choose the operations.
    seed: u64,
}

impl Both {
    /// A number below `n`.
    fn choose(&mut self, n: usize) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.seed >> 33) % n as u64) as usize
    }

    fn values(&mut self, shape: &[usize], scale: f64) -> Tensor {
        let seed = self.choose(1 << 30) as u64;
        (random(seed, shape) * scale).unwrap()
    }

    fn conv(&mut self, x: &(Value, Tensor)) -> (Value, Tensor) {
        let (_, c, h, w) = x.1.dims4().unwrap();
        let channels = [Channels::All, Channels::Depthwise][self.choose(2)];
        let kernel = [1, 3, 3, 5, 2][self.choose(5)];
        let padding = self.choose(kernel / 2 + 2);
        if h + 2 * padding < kernel || w + 2 * padding < kernel {
            return x.clone();
        }
        let stride = 1 + self.choose(4) / 3;
        let (c_out, c_in) = match channels {
            Channels::All => ([1, 5, 8, 16, 19, 33, 40, 64][self.choose(8)], c),
            Channels::Depthwise => (c, 1),
        };
        let shape = [c_out, c_in, kernel, kernel];
        let scale = (3.0 / (c_in * kernel * kernel) as f64).sqrt();
        let weight = self.values(&shape, scale);
        let bias = self.values(&[c_out], 0.3);
        let bias = (self.choose(4) > 0).then_some(bias);
        let activation = ACTIVATIONS[self.choose(7)];
        let plain = Conv2dConfig::new().padding(padding).stride(stride);
        let mut y = match channels {
            Channels::All => conv2d(&x.1, &weight, bias.as_ref(), plain).unwrap(),
            Channels::Depthwise => {
                let y = depthwise_conv2d(&x.1, &weight, None, plain).unwrap();
                match &bias {
                    None => y,
                    Some(b) => y.broadcast_add(&b.reshape((1, (), 1, 1)).unwrap()).unwrap(),
                }
            }
        };
        let same = y.dims() == x.1.dims();
        let residual = match self.choose(3) {
            1 if same => Residual::BeforeActivation(x.0),
            2 if same => Residual::AfterActivation(x.0),
            _ => Residual::None,
        };
        y = match residual {
            Residual::None => activate(&y, activation).unwrap(),
            Residual::BeforeActivation(_) => activate(&(y + &x.1).unwrap(), activation).unwrap(),
            Residual::AfterActivation(_) => (activate(&y, activation).unwrap() + &x.1).unwrap(),
        };
        let mut config = plain.activation(activation);
        let (_, _, h, w) = y.dims4().unwrap();
        if h >= 2 && w >= 2 && self.choose(3) == 0 {
            config = config.max_pool2();
            y = max_pool2d(&y, 2, 2).unwrap();
        }
        let values = bias.as_ref().map(flat);
        let layer = ConvLayer {
            weight: &flat(&weight),
            shape,
            bias: values.as_deref(),
            channels,
            config,
            residual,
        };
        (self.builder.conv2d(x.0, layer).unwrap(), y)
    }

    /// A 1×1 convolution, a depthwise one and a 1×1 convolution, which a plan computes together.
    fn bottleneck(&mut self, x: &(Value, Tensor), wide: usize, out: usize) -> (Value, Tensor) {
        let c = x.1.dim(1).unwrap();
        let (kernel, stride) = ([3, 3, 5, 2, 1][self.choose(5)], 1 + self.choose(3));
        let padding = self.choose(kernel / 2 + 2);
        let (_, _, h, w) = x.1.dims4().unwrap();
        if h + 2 * padding < kernel || w + 2 * padding < kernel {
            return x.clone();
        }
        let point = Conv2dConfig::new();
        let middle = point.padding(padding).stride(stride);
        let mut convs = [
            ([wide, c, 1, 1], Channels::All, point),
            ([wide, 1, kernel, kernel], Channels::Depthwise, middle),
            ([out, wide, 1, 1], Channels::All, point),
        ];
        let mut y = x.clone();
        for (i, (shape, channels, config)) in convs.iter_mut().enumerate() {
            if self.choose(2) == 0 {
                *config = config.relu();
            }
            let scale = (3.0 / (shape[1] * shape[2] * shape[3]) as f64).sqrt();
            let weight = self.values(&*shape, scale);
            let bias = self.values(&shape[..1], 0.3);
            let plain = config.activation(Activation::Identity);
            let mut z = match channels {
                Channels::All => conv2d(&y.1, &weight, Some(&bias), plain).unwrap(),
                Channels::Depthwise => depthwise_conv2d(&y.1, &weight, None, plain)
                    .unwrap()
                    .broadcast_add(&bias.reshape((1, (), 1, 1)).unwrap())
                    .unwrap(),
            };
            let residual = match (i, z.dims() == x.1.dims(), self.choose(3)) {
                (2, true, 0) => Residual::BeforeActivation(x.0),
                (2, true, 1) => Residual::AfterActivation(x.0),
                _ => Residual::None,
            };
            if let Residual::BeforeActivation(_) = residual {
                z = (z + &x.1).unwrap();
            }
            z = activate(&z, config.activation).unwrap();
            if let Residual::AfterActivation(_) = residual {
                z = (z + &x.1).unwrap();
            }
            let layer = ConvLayer {
                weight: &flat(&weight),
                shape: *shape,
                bias: Some(&flat(&bias)),
                channels: *channels,
                config: *config,
                residual,
            };
            y = (self.builder.conv2d(y.0, layer).unwrap(), z);
        }
        y
    }

    fn pool(&mut self, x: &(Value, Tensor)) -> (Value, Tensor) {
        let (_, _, h, w) = x.1.dims4().unwrap();
        let (kernel, stride) = (1 + self.choose(3), 1 + self.choose(2));
        if kernel > h || kernel > w {
            return x.clone();
        }
        match self.choose(2) {
            0 => (
                self.builder.max_pool(x.0, kernel, stride).unwrap(),
                max_pool2d(&x.1, kernel, stride).unwrap(),
            ),
            _ => (
                self.builder.avg_pool(x.0, kernel, stride).unwrap(),
                avg_pool2d(&x.1, kernel, stride).unwrap(),
            ),
        }
    }

    fn linear(&mut self, x: &(Value, Tensor)) -> (Value, Tensor) {
        let n_in = x.1.dim(1).unwrap();
        let n_out = 1 + self.choose(40);
        let weight = self.values(&[n_out, n_in], (3.0 / n_in as f64).sqrt());
        let bias = self.values(&[n_out], 0.3);
        let activation = ACTIVATIONS[self.choose(7)];
        let layer = LinearLayer {
            weight: &flat(&weight),
            bias: Some(&flat(&bias)),
            activation,
        };
        let value = self.builder.linear(x.0, layer).unwrap();
        (
            value,
            linear(&x.1, &weight, Some(&bias), activation).unwrap(),
        )
    }

    fn activate(&mut self, x: &(Value, Tensor)) -> (Value, Tensor) {
        let activation = ACTIVATIONS[self.choose(7)];
        let value = self.builder.activate(x.0, activation).unwrap();
        (value, activate(&x.1, activation).unwrap())
    }

    fn add(&mut self, a: &(Value, Tensor), b: &(Value, Tensor)) -> (Value, Tensor) {
        match a.1.dims() == b.1.dims() {
            true => (self.builder.add(a.0, b.0).unwrap(), (&a.1 + &b.1).unwrap()),
            false => a.clone(),
        }
    }

    /// A random network on `x`, and its output.
    fn network(mut self, x: &Tensor, depth: usize) -> (Plan, Tensor) {
        let mut values = vec![(self.builder.input(), x.clone())];
        for _ in 0..depth {
            let from = values.len() - 1 - self.choose(values.len().min(2));
            let (last, other) = (values[values.len() - 1].clone(), values[from].clone());
            values.push(match self.choose(8) {
                0..5 => self.conv(&last),
                5 => self.pool(&last),
                6 => self.add(&last, &other),
                _ => self.activate(&other),
            });
        }
        let last = values.pop().unwrap();
        let mut out = match self.choose(4) {
            0 => last,
            1 => (
                self.builder.global_avg_pool(last.0).unwrap(),
                last.1.mean((D::Minus2, D::Minus1)).unwrap(),
            ),
            _ => (
                self.builder.flatten(last.0).unwrap(),
                last.1.flatten_from(1).unwrap(),
            ),
        };
        if out.1.rank() == 2 {
            for _ in 0..self.choose(4) {
                out = match self.choose(4) {
                    0 => self.activate(&out),
                    1 => {
                        let sum = self.add(&out, &out);
                        self.activate(&sum)
                    }
                    _ => self.linear(&out),
                };
            }
        }
        (self.builder.build(out.0).unwrap(), out.1)
    }
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn run(plan: &Plan, x: &Tensor) -> Vec<f32> {
    let n = x.dim(0).unwrap();
    let mut out = vec![f32::NAN; n * plan.out_len()];
    plan.run(&flat(x), n, &mut out).unwrap();
    out
}

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
        prop_assert!(error <= TOLERANCE, "{error:.2e}");
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
    }
    y = (
        both.builder.flatten(y.0).unwrap(),
        y.1.flatten_from(1).unwrap(),
    );
    y = both.linear(&y);
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
    assert!(builder.add(x, y).is_err());
    let plan = builder.build(y).unwrap();
    assert_eq!(plan.out_len(), 8);
    let mut out = [0.0; 8];
    assert!(plan.run(&[0.0; 16], 0, &mut []).is_err());
    assert!(plan.run(&[0.0; 15], 1, &mut out).is_err());
    assert!(plan.run(&[0.0; 16], 1, &mut out).is_ok());
}
