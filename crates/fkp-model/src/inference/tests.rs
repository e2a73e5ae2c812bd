//! Plans against the networks that they were compiled from.

use super::*;
use crate::layers::{
    Activation, BatchNorm2d, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Gate, InvertedResidual, InvertedResidualConfig, Linear, PRelu, Residual,
    SqueezeExcite, SqueezeExciteConfig, add, avg_pool2d, flatten, global_avg_pool2d, max_pool2d,
    relu, soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
use crate::{CnnConfig, MobileConfig, Network, NetworkConfig, Norm, ResidualConfig};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap};
use fkp_core::{InputSpec, OutputSpec, Schema, Task};
use std::collections::BTreeMap;

fn close(plan: &InferencePlan, x: &Tensor, expected: &Tensor) {
    let got = plan.forward(x).unwrap();
    assert_eq!(got.dims(), expected.dims());
    let max = |t: &Tensor| {
        t.abs()
            .unwrap()
            .max_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
    };
    let error = max(&(got - expected).unwrap()) / max(expected).max(1e-20);
    assert!(error <= 1e-5, "{error:.2e}");
}

/// Random statistics in place of zeros and ones, so that the normalizations do something.
fn randomize(vars: &VarMap) {
    let vars = vars.data().lock().unwrap();
    let vars: BTreeMap<_, _> = vars.iter().collect();
    for (name, var) in vars {
        if name.contains("running_var") || name.contains("norm") && name.ends_with("weight") {
            let x = Tensor::rand(0.5f32, 1.5, var.shape(), &Device::Cpu).unwrap();
            var.set(&x).unwrap();
        } else if name.contains("running_mean") || name.ends_with("bias") {
            let x = Tensor::rand(-0.5f32, 0.5, var.shape(), &Device::Cpu).unwrap();
            var.set(&x).unwrap();
        }
    }
}

#[test]
fn every_network_is_compiled() {
    let cnn = |norm| {
        NetworkConfig::Cnn(CnnConfig {
            conv_channels: vec![12, 20],
            dense: vec![24],
            norm,
            ..CnnConfig::default()
        })
    };
    let configs = [
        cnn(Norm::None),
        cnn(Norm::Batch),
        NetworkConfig::Residual(ResidualConfig::default()),
        NetworkConfig::Mobile(MobileConfig::default()),
    ];
    let outputs = [
        OutputSpec::Coordinates,
        OutputSpec::Heatmap { sigma_px: 1.0 },
    ];
    for (config, output) in configs
        .iter()
        .flat_map(|c| outputs.iter().map(move |o| (c, o)))
    {
        let mut task = Task::new(Schema::kaggle15(), InputSpec::gray(64));
        task.output = *output;
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let Ok(network) = Network::new(config, &task, vb) else {
            continue;
        };
        randomize(&vars);
        let plan = InferencePlan::trace([1, 64, 64], |x| network.forward_t(x, false)).unwrap();
        for n in [1, 3, 6] {
            let x = Tensor::rand(0f32, 1.0, (n, 1, 64, 64), &Device::Cpu).unwrap();
            close(&plan, &x, &network.forward_t(&x, false).unwrap());
        }
    }
}

/// Values that are used twice, norms without a convolution, and every function.
#[test]
fn a_network_of_every_function_is_compiled() {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let config = Conv2dConfig::new().padding(1).relu().max_pool2();
    let stem = Conv2d::new(3, 8, 3, config, vb.pp("stem")).unwrap();
    let residual = ConvNorm::new(8, 8, 3, config, vb.pp("residual")).unwrap();
    let same = Conv2dConfig::new().padding(1);
    let depthwise = ConvNorm::depthwise(8, 3, same, vb.pp("depthwise")).unwrap();
    let silu = InvertedResidualConfig {
        activation: Activation::Silu,
        ..InvertedResidualConfig::default()
    };
    let inverted = InvertedResidual::new(8, 8, silu, vb.pp("inverted")).unwrap();
    let norm = BatchNorm2d::new(8, Activation::Gelu, vb.pp("norm")).unwrap();
    let linear = Linear::new(8, 5, Activation::Relu, vb.pp("linear")).unwrap();
    let wide = Linear::new(8 * 4, 5, Activation::Identity, vb.pp("wide")).unwrap();
    randomize(&vars);
    let forward = |x: &Tensor| -> Result<Tensor> {
        let x = stem.forward(x)?;
        let x = residual.forward_residual_t(&x, Residual::BeforeActivation(&x), false)?;
        let x = inverted.forward_t(&x, false)?;
        let x = add(
            &depthwise.forward_t(&x, false)?,
            &depthwise.forward_t(&relu(&x)?, false)?,
        )?;
        let x = norm.forward_t(&x, false)?;
        let x = add(&max_pool2d(&x, 3, 2)?, &avg_pool2d(&x, 3, 2)?)?;
        let x = residual.forward_residual_t(&x, Residual::AfterActivation(&x), false)?;
        add(
            &linear.forward(&global_avg_pool2d(&x)?)?,
            &wide.forward(&flatten(&x)?)?,
        )
    };
    let plan = InferencePlan::trace([3, 38, 38], forward).unwrap();
    for n in [1, 7] {
        let x = Tensor::rand(-1f32, 1.0, (n, 3, 38, 38), &Device::Cpu).unwrap();
        close(&plan, &x, &forward(&x).unwrap());
    }
    let other = Tensor::zeros((1, 3, 38, 37), DType::F32, &Device::Cpu).unwrap();
    assert!(plan.forward(&other).is_err());
    assert!(plan.run(&[], 0).is_err());
}

/// The operations of networks whose output is maps, and squeeze-and-excitation. Its vectors are computed
/// between the maps, those of the head after them.
#[test]
fn a_network_of_maps_is_compiled() {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let same = Conv2dConfig::new().padding(1).relu();
    let stem = ConvNorm::new(3, 8, 3, same, vb.pp("stem")).unwrap();
    let gated = |gate, name| {
        let config = SqueezeExciteConfig {
            reduction: 2,
            activation: Activation::Silu,
            gate,
        };
        SqueezeExcite::new(8, config, vb.pp(name)).unwrap()
    };
    let blocks = [gated(Gate::Sigmoid, "a"), gated(Gate::HardSigmoid, "b")];
    let up = |name| {
        let config = ConvTranspose2dConfig::doubling();
        ConvTranspose2d::no_bias(8, 8, 4, config, vb.pp(name)).unwrap()
    };
    let norm = BatchNorm2d::new(8, Activation::Relu, vb.pp("norm")).unwrap();
    let ups = [up("up0"), up("up1")];
    let prelu = |channels, name| PRelu::new(channels, vb.pp(name)).unwrap();
    let prelus = [prelu(8, "p0"), prelu(5, "p1"), prelu(6, "p2")];
    let maps = Conv2d::new(8, 5, 1, Conv2dConfig::new(), vb.pp("maps")).unwrap();
    let linear = Linear::new(10, 6, Activation::Identity, vb.pp("linear")).unwrap();
    randomize(&vars);
    let positions = |x: &Tensor| -> Result<Tensor> {
        let x = stem.forward_t(x, false)?;
        let x = blocks[0].forward(&prelus[0].forward(&x)?)?;
        let small = max_pool2d(&x, 2, 2)?;
        let y = norm.forward_t(&ups[0].forward(&small)?, false)?;
        let y = add(&y, &add(&x, &upsample_nearest2d(&small, 2)?)?)?;
        let y = blocks[1].forward(&add(&y, &upsample_bilinear2d(&small, 2)?)?)?;
        let y = maps.forward(&relu(&ups[1].forward(&y)?)?)?;
        prelus[1].forward(&soft_argmax2d(&y, 1.5)?)
    };
    let output = |x: &Tensor| prelus[2].forward(&linear.forward(&flatten(&positions(x)?)?)?);
    let plans = [
        InferencePlan::trace([3, 12, 20], positions).unwrap(),
        InferencePlan::trace([3, 12, 20], output).unwrap(),
    ];
    assert_eq!(plans[0].output_shape(), [5, 2]);
    for n in [1, 5] {
        let x = Tensor::rand(-1f32, 1.0, (n, 3, 12, 20), &Device::Cpu).unwrap();
        close(&plans[0], &x, &positions(&x).unwrap());
        close(&plans[1], &x, &output(&x).unwrap());
        let x = x.flatten_all().unwrap().to_vec1().unwrap();
        let bits = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let run = || plans.each_ref().map(|plan| plan.run(&x, n).unwrap());
            pool.unwrap().install(run)
        });
        assert!(bits[0] == bits[1] && bits[0] == bits[2]);
    }
}
