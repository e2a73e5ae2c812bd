//! Results are bit-identical for every number of threads.

use candle_core::{Tensor, Var};
use fkp_kernels::{
    Activation, Adam, AdamConfig, BlockConv, Channels, Conv2dConfig, ConvTranspose2dConfig,
    Pooling, Residual, avg_pool2d, backward, batch_norm_train, conv_block_train, conv_transpose2d,
    conv2d, dropout, global_avg_pool2d, linear, max_pool2d, prelu, scale_channels, soft_argmax2d,
    upsample_bilinear2d, upsample_nearest2d,
};

use crate::support::{random, var};

/// The bits of all weights after three training steps of a network that uses every kernel.
fn train(threads: usize) -> Vec<u32> {
    let run = || {
        let first = (var(1, &[16, 1, 3, 3]), var(2, &[16]));
        let second = (var(3, &[24, 16, 3, 3]), var(4, &[24]));
        let third = (var(5, &[10, 24, 5, 5]), var(6, &[10]));
        let (gamma, beta) = (var(7, &[10]), var(8, &[10]));
        let dense = (var(9, &[500, 360]), var(10, &[500]));
        let vars: Vec<Var> = vec![
            first.0.clone(),
            first.1.clone(),
            second.0.clone(),
            second.1.clone(),
            third.0.clone(),
            third.1.clone(),
            gamma.clone(),
            beta.clone(),
            dense.0.clone(),
            dense.1.clone(),
        ];
        let named = vars
            .iter()
            .enumerate()
            .map(|(i, v)| (i.to_string(), v.clone()))
            .collect();
        let config = AdamConfig {
            max_grad_norm: Some(1.0),
            ..AdamConfig::adamw(0.01)
        };
        let mut adam = Adam::new(named, config).unwrap();
        let pooled = Conv2dConfig::new().padding(1).relu().max_pool2();
        for step in 0..3 {
            let x = random(100 + step, &[21, 1, 24, 24]);
            let x = conv2d(&x, &first.0, Some(&first.1), pooled).unwrap();
            let x = conv2d(&x, &second.0, Some(&second.1), pooled).unwrap();
            let x = conv2d(&x, &third.0, Some(&third.1), Conv2dConfig::new().padding(2)).unwrap();
            let (x, _) = batch_norm_train(&x, &gamma, &beta, 1e-5, Activation::Relu).unwrap();
            let x = dropout(&x.flatten_from(1).unwrap(), 0.2, step).unwrap();
            let y = linear(&x, &dense.0, Some(&dense.1), Activation::Relu).unwrap();
            let loss = y.sqr().unwrap().mean_all().unwrap();
            let outcome = adam.step(&backward(&loss).unwrap(), 1e-3);
            assert_eq!(outcome.unwrap().not_finite, None);
        }
        vars.iter().flat_map(|v| bits(v)).collect::<Vec<_>>()
    };
    with_threads(threads, run)
}

fn bits(t: &Tensor) -> Vec<u32> {
    let t = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    t.into_iter().map(f32::to_bits).collect()
}

fn with_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(run)
}

/// The bits of the result and of all gradients of the operations on feature maps, one after the
/// other.
fn feature_maps(threads: usize) -> Vec<u32> {
    let run = || {
        let x = var(1, &[21, 6, 12, 14]);
        let (w, b) = (var(2, &[6, 5, 4, 4]), var(3, &[5]));
        let (slope, mix) = (var(4, &[5]), var(5, &[5, 5]));
        let vars = [&x, &w, &b, &slope, &mix];
        let y = conv_transpose2d(&x, &w, Some(&b), ConvTranspose2dConfig::doubling()).unwrap();
        let y = prelu(&y, &slope).unwrap();
        let means = global_avg_pool2d(&y).unwrap();
        let factors = linear(&means, &mix, None, Activation::Identity).unwrap();
        let y = scale_channels(&y, &factors).unwrap();
        let y = max_pool2d(&upsample_bilinear2d(&y, 2).unwrap(), 2, 2).unwrap();
        let y = avg_pool2d(&upsample_nearest2d(&y, 3).unwrap(), 2, 2).unwrap();
        let y = soft_argmax2d(&y, 2.0).unwrap();
        let grads = y.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        let gradients = vars.into_iter().flat_map(|v| bits(grads.get(v).unwrap()));
        bits(&y).into_iter().chain(gradients).collect()
    };
    with_threads(threads, run)
}

/// The bits of the result, the statistics and all gradients of three blocks: large feature maps with
/// pooling, small ones with a residual, and an inverted residual.
fn blocks(threads: usize) -> Vec<u32> {
    let run = || {
        let x = var(1, &[21, 3, 48, 44]);
        let mut vars = vec![x.clone()];
        let mut conv = |shape: [usize; 4], channels, stride, activation| {
            let seed = vars.len() as u64;
            let [c_out, _, kernel, _] = shape;
            vars.push(var(seed, &shape));
            vars.push(var(seed + 1, &[c_out]));
            vars.push(var(seed + 2, &[c_out]));
            (vars.len() - 3, channels, kernel / 2, stride, activation)
        };
        let (dense, relu) = (Channels::All, Activation::Relu);
        let convs = [
            vec![conv([16, 3, 3, 3], dense, 1, relu)],
            vec![conv([16, 16, 3, 3], dense, 1, Activation::Silu)],
            vec![
                conv([32, 16, 1, 1], dense, 1, Activation::HardSwish),
                conv([32, 1, 5, 5], Channels::Depthwise, 2, Activation::Relu6),
                conv([20, 32, 1, 1], dense, 1, Activation::Identity),
            ],
        ];
        let (mut y, mut all) = (x.as_tensor().clone(), Vec::new());
        for (i, convs) in convs.iter().enumerate() {
            let convs: Vec<_> = convs
                .iter()
                .map(
                    |&(first, channels, padding, stride, activation)| BlockConv {
                        weight: &vars[first],
                        gamma: &vars[first + 1],
                        beta: &vars[first + 2],
                        channels,
                        padding,
                        stride,
                        activation,
                    },
                )
                .collect();
            let input = y.clone();
            let (residual, pooling) = match i {
                0 => (Residual::None, Pooling::Max2),
                1 => (Residual::BeforeActivation(&input), Pooling::None),
                _ => (Residual::None, Pooling::None),
            };
            let (output, statistics) =
                conv_block_train(&input, &convs, residual, pooling, 1e-5).unwrap();
            all.extend(statistics.iter().flat_map(|s| bits(&s.batch.variance)));
            y = output;
        }
        let grads = y.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        all.extend(bits(&y));
        all.extend(vars.iter().flat_map(|v| bits(grads.get(v).unwrap())));
        all
    };
    with_threads(threads, run)
}

#[test]
fn blocks_are_bit_identical() {
    let one = blocks(1);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == blocks(2), "two threads differ from one");
    assert!(one == blocks(3), "three threads differ from one");
}

#[test]
fn one_two_and_three_threads_are_bit_identical() {
    let one = train(1);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == train(2), "two threads differ from one");
    assert!(one == train(3), "three threads differ from one");
}

#[test]
fn operations_on_feature_maps_are_bit_identical() {
    let one = feature_maps(1);
    assert!(one.iter().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == feature_maps(2), "two threads differ from one");
    assert!(one == feature_maps(3), "three threads differ from one");
}
