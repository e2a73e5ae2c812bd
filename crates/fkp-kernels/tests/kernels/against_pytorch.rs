//! Golden values from PyTorch, written by `golden.py` in this folder; `golden.json` contains the
//! version.

use std::collections::HashMap;

use candle_core::{Device, Result, Tensor, Var};
use fkp_kernels::{
    Activation, Adam, AdamConfig, Conv2dConfig, ConvTranspose2dConfig, Momentum, Sgd, SgdConfig,
    WeightDecay, avg_pool2d, backward, batch_norm_train, conv_transpose2d, conv2d, gelu,
    global_avg_pool2d, linear, max_pool2d, prelu, scale_channels, silu, soft_argmax2d,
    upsample_bilinear2d, upsample_nearest2d,
};

use crate::support::relative_error;

fn golden() -> HashMap<String, Tensor> {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    let numbers = |value: &serde_json::Value| {
        let list = value.as_array().unwrap().iter();
        list.map(|v| v.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let tensors = golden["tensors"].as_object().unwrap().iter();
    let tensor = |(name, entry): (&String, &serde_json::Value)| {
        let values = numbers(&entry["values"]).into_iter().map(|v| v as f32);
        let shape: Vec<usize> = numbers(&entry["shape"])
            .into_iter()
            .map(|v| v as usize)
            .collect();
        let tensor = Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap();
        (name.clone(), tensor)
    };
    tensors.map(tensor).collect()
}

fn check(name: &str, inputs: usize, f: impl Fn(&[Var]) -> Result<Tensor>) {
    let golden = golden();
    let get = |part: &str| golden.get(&format!("{name}.{part}")).unwrap();
    let x: Vec<Var> = (0..inputs)
        .map(|i| Var::from_tensor(get(&format!("x{i}"))).unwrap())
        .collect();
    let y = f(&x).unwrap();
    let error = relative_error(&y, get("y"));
    assert!(error < 1e-5, "{name}: value off by {error:.2e}");
    let grads = (y * get("g"))
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    for (i, x) in x.iter().enumerate() {
        let error = relative_error(grads.get(x).unwrap(), get(&format!("d{i}")));
        assert!(error < 1e-5, "{name}: gradient {i} off by {error:.2e}");
    }
}

#[test]
fn operations() {
    let config = Conv2dConfig::new();
    check("conv_relu_pool", 3, |v| {
        conv2d(
            &v[0],
            &v[1],
            Some(&v[2]),
            config.padding(1).relu().max_pool2(),
        )
    });
    check("conv_stride2", 3, |v| {
        conv2d(&v[0], &v[1], Some(&v[2]), config.padding(2).stride(2))
    });
    check("conv_winograd", 3, |v| {
        conv2d(&v[0], &v[1], Some(&v[2]), config.padding(1))
    });
    check("max_pool_3_2", 1, |v| max_pool2d(&v[0], 3, 2));
    check("avg_pool_3_2", 1, |v| avg_pool2d(&v[0], 3, 2));
    check("max_pool_2_2", 1, |v| max_pool2d(&v[0], 2, 2));
    check("avg_pool_2_2", 1, |v| avg_pool2d(&v[0], 2, 2));
    check("linear_relu", 3, |v| {
        linear(&v[0], &v[1], Some(&v[2]), Activation::Relu)
    });
    check("batch_norm", 3, |v| {
        Ok(batch_norm_train(&v[0], &v[1], &v[2], 1e-5, Activation::Relu)?.0)
    });
    check("silu", 1, |v| silu(&v[0]));
    check("gelu", 1, |v| gelu(&v[0]));
}

#[test]
fn operations_on_feature_maps() {
    for scale in [2, 3, 4] {
        check(&format!("upsample_nearest_{scale}"), 1, |v| {
            upsample_nearest2d(&v[0], scale)
        });
        check(&format!("upsample_bilinear_{scale}"), 1, |v| {
            upsample_bilinear2d(&v[0], scale)
        });
    }
    let config = ConvTranspose2dConfig::new().padding(1);
    for (name, config) in [
        ("conv_transpose_3_1_1", config),
        ("conv_transpose_4_2_1", config.stride(2)),
        ("conv_transpose_3_2_1_1", config.stride(2).output_padding(1)),
    ] {
        check(name, 3, |v| {
            conv_transpose2d(&v[0], &v[1], Some(&v[2]), config)
        });
    }
    check("global_avg_pool", 1, |v| global_avg_pool2d(&v[0]));
    check("scale_channels", 2, |v| scale_channels(&v[0], &v[1]));
    check("prelu", 2, |v| prelu(&v[0], &v[1]));
    check("soft_argmax", 1, |v| soft_argmax2d(&v[0], 2.5));
}

#[test]
fn optimizers() {
    let golden = golden();
    for (name, weight_decay) in [
        ("adam", WeightDecay::Coupled(0.1)),
        ("adamw", WeightDecay::Decoupled(0.1)),
    ] {
        let p = Var::from_tensor(&golden[&format!("{name}.p0")]).unwrap();
        let config = AdamConfig {
            weight_decay,
            ..Default::default()
        };
        let mut adam = Adam::new(vec![("p".into(), p.clone())], config).unwrap();
        for _ in 0..5 {
            let loss = p.sqr().unwrap().sqr().unwrap().sum_all().unwrap();
            let outcome = adam.step(&backward(&loss).unwrap(), 0.02).unwrap();
            assert_eq!(outcome.not_finite, None);
        }
        let error = relative_error(&p, &golden[&format!("{name}.p5")]);
        assert!(error < 1e-6, "{name}: off by {error:.2e}");
    }
    for (name, momentum) in [
        ("sgd", Momentum::None),
        ("sgd_momentum", Momentum::Classical(0.9)),
        ("sgd_nesterov", Momentum::Nesterov(0.9)),
    ] {
        let p = Var::from_tensor(&golden[&format!("{name}.p0")]).unwrap();
        let config = SgdConfig {
            momentum,
            weight_decay: WeightDecay::Coupled(0.1),
            max_grad_norm: Some(2.0),
        };
        let mut sgd = Sgd::new(vec![("p".into(), p.clone())], config).unwrap();
        for _ in 0..5 {
            let loss = p.sqr().unwrap().sqr().unwrap().sum_all().unwrap();
            let outcome = sgd.step(&backward(&loss).unwrap(), 0.02).unwrap();
            assert_eq!(outcome.not_finite, None);
        }
        let error = relative_error(&p, &golden[&format!("{name}.p5")]);
        assert!(error < 1e-6, "{name}: off by {error:.2e}");
    }
}
