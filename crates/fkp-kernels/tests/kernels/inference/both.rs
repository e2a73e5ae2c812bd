//! Operations that are added to a plan and computed one by one.

use candle_core::Tensor;
use fkp_kernels::inference::{ConvLayer, LinearLayer, Plan, PlanBuilder, Residual, Value};
use fkp_kernels::{
    Activation, Channels, Conv2dConfig, activate, avg_pool2d, conv2d, depthwise_conv2d, linear,
    max_pool2d,
};

use crate::support::random;

/// A value of the plan, and the tensor that it has to be.
pub(super) type Pair = (Value, Tensor);

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Silu,
    Activation::HardSwish,
    Activation::Gelu,
    Activation::Sigmoid,
    Activation::HardSigmoid,
];

/// A network that is built as a plan and computed operation by operation.
pub(super) struct Both {
    pub(super) builder: PlanBuilder,
    /// The state of the random numbers that choose the operations.
    pub(super) seed: u64,
}

impl Both {
    /// A number below `n`.
    pub(super) fn choose(&mut self, n: usize) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.seed >> 33) % n as u64) as usize
    }

    pub(super) fn activation(&mut self) -> Activation {
        ACTIVATIONS[self.choose(9)]
    }

    pub(super) fn values(&mut self, shape: &[usize], scale: f64) -> Tensor {
        let seed = self.choose(1 << 30) as u64;
        (random(seed, shape) * scale).unwrap()
    }

    pub(super) fn conv(&mut self, x: &Pair) -> Pair {
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
        let activation = self.activation();
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
    pub(super) fn bottleneck(&mut self, x: &Pair, wide: usize, out: usize) -> Pair {
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

    pub(super) fn pool(&mut self, x: &Pair) -> Pair {
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

    pub(super) fn linear(&mut self, x: &Pair) -> Pair {
        let n_in = x.1.dim(1).unwrap();
        let n_out = 1 + self.choose(40);
        let weight = self.values(&[n_out, n_in], (3.0 / n_in as f64).sqrt());
        let bias = self.values(&[n_out], 0.3);
        let activation = self.activation();
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

    pub(super) fn activate(&mut self, x: &Pair) -> Pair {
        let activation = self.activation();
        let value = self.builder.activate(x.0, activation).unwrap();
        (value, activate(&x.1, activation).unwrap())
    }

    pub(super) fn add(&mut self, a: &Pair, b: &Pair) -> Pair {
        match a.1.dims() == b.1.dims() {
            true => (self.builder.add(a.0, b.0).unwrap(), (&a.1 + &b.1).unwrap()),
            false => a.clone(),
        }
    }
}

pub(super) fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

pub(super) fn run(plan: &Plan, x: &Tensor) -> Vec<f32> {
    let n = x.dim(0).unwrap();
    let mut out = vec![f32::NAN; n * plan.out_len()];
    plan.run(&flat(x), n, &mut out).unwrap();
    out
}
