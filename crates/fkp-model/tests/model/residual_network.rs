//! A residual network of the public layers, as a user of the crate would write it.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap};
use fkp_model::layers::{Activation, Conv2dConfig, ConvNorm, Linear, Residual};
use fkp_model::{InputSpec, Network, NetworkConfig, ResidualConfig, Schema, Task};
use std::collections::BTreeMap;

/// For gray images of 96×96 pixels and 68 keypoints.
struct MyNetwork {
    stages: Vec<(ConvNorm, Option<ConvNorm>)>,
    dense: [Linear; 2],
}

impl MyNetwork {
    fn new(vb: VarBuilder<'_>) -> Result<Self> {
        let same = Conv2dConfig::new().padding(1).relu();
        let pool = same.max_pool2();
        let conv = |from, to, config, name| ConvNorm::new(from, to, 3, config, vb.pp(name));
        let add = |channels, name| conv(channels, channels, pool, name).map(Some);
        let stages = vec![
            (conv(1, 24, pool, "conv0")?, None),
            (conv(24, 48, pool, "conv1")?, None),
            (conv(48, 96, same, "conv2")?, add(96, "add2")?),
            (conv(96, 128, same, "conv3")?, add(128, "add3")?),
            (conv(128, 192, same, "conv4")?, None),
        ];
        let hidden = Linear::new(192 * 6 * 6, 256, Activation::Relu, vb.pp("hidden"))?;
        let output = Linear::new(256, 136, Activation::Identity, vb.pp("output"))?;
        let dense = [hidden, output];
        Ok(Self { stages, dense })
    }
}

impl ModuleT for MyNetwork {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for (conv, residual) in &self.stages {
            x = conv.forward_t(&x, train)?;
            if let Some(block) = residual {
                x = block.forward_residual_t(&x, Residual::AfterActivation(&x), train)?;
            }
        }
        self.dense[1].forward(&self.dense[0].forward(&x.flatten_from(1)?)?)
    }
}

fn parameters(vars: &VarMap) -> usize {
    let vars = vars.data().lock().unwrap();
    let parameters = vars.iter().filter(|(name, _)| !name.contains("running_"));
    parameters.map(|(_, var)| var.elem_count()).sum()
}

#[test]
fn a_network_of_the_public_layers_is_the_residual_network() {
    let [mine, ours] = [VarMap::new(), VarMap::new()];
    let builder = |vars| VarBuilder::from_varmap(vars, DType::F32, &Device::Cpu);
    let network = MyNetwork::new(builder(&mine)).unwrap();
    let config = NetworkConfig::Residual(ResidualConfig::default());
    let task = Task::new(Schema::ibug68(), InputSpec::gray(96));
    let reference = Network::new(&config, &task, builder(&ours)).unwrap();
    assert_eq!(parameters(&mine), 2_420_336);
    assert_eq!(parameters(&ours), 2_420_336);

    // With the same weights both compute the same.
    let weights: BTreeMap<_, _> = ours.data().lock().unwrap().clone().into_iter().collect();
    for (name, var) in weights {
        let name = match name.strip_prefix("stage") {
            Some(rest) => {
                let (stage, rest) = rest.split_at(1);
                let rest = rest.replacen(".first", &format!("conv{stage}"), 1);
                rest.replacen(".residual0", &format!("add{stage}"), 1)
            }
            None => name.replace("dense0", "hidden").replace("dense1", "output"),
        };
        mine.data().lock().unwrap()[&name].set(&var).unwrap();
    }
    let x = Tensor::rand(0f32, 1.0, (2, 1, 96, 96), &Device::Cpu).unwrap();
    for train in [false, true] {
        let y = network.forward_t(&x, train).unwrap();
        assert_eq!(y.dims(), &[2, 136]);
        let expected = reference.forward_t(&x, train).unwrap();
        let difference = (y - expected).unwrap().abs().unwrap().max_all().unwrap();
        assert_eq!(difference.to_scalar::<f32>().unwrap(), 0.0);
    }
}
