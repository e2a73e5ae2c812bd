//! The residual network: shapes, sizes that are refused, the names of its parameters.

use super::*;
use candle_core::{DType, Device, Var};
use candle_nn::VarMap;
use fkp_core::{InputSpec, Likelihood, OutputSpec, Schema};
use std::collections::BTreeMap;

fn task(size: usize) -> Task {
    Task::new(Schema::ibug68(), InputSpec::gray(size))
}

fn build(config: &ResidualConfig, task: &Task) -> (ResidualNetwork, VarMap) {
    config.validate(task).unwrap();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    (ResidualNetwork::new(config, task, vb).unwrap(), vars)
}

#[test]
fn the_default_has_2_42_million_parameters_for_68_keypoints() {
    let (network, vars) = build(&ResidualConfig::default(), &task(96));
    let x = Tensor::rand(0f32, 1.0, (2, 1, 96, 96), &Device::Cpu).unwrap();
    for train in [false, true] {
        assert_eq!(network.forward_t(&x, train).unwrap().dims(), &[2, 136]);
    }
    let vars = vars.data().lock().unwrap();
    let is_parameter =
        |(name, var): (&String, &Var)| (!name.contains(".running_")).then(|| var.elem_count());
    let parameters: usize = vars.iter().filter_map(is_parameter).sum();
    assert_eq!(parameters, 2_420_336);
    assert_eq!(
        vars["stage3.residual0.conv.weight"].dims(),
        &[128, 128, 3, 3]
    );
    assert!(!vars.contains_key("stage4.residual0.conv.weight"));
}

/// A residual block without its convolution is the identity, and the last one of a stage pools.
#[test]
fn residual_blocks_add_their_input() {
    let config = ResidualConfig {
        channels: vec![2, 3],
        residual_blocks: vec![2, 1],
        dense: vec![],
        dropout: 0.0,
    };
    let maps = Task {
        output: OutputSpec::SoftArgmax,
        ..task(16)
    };
    let (network, vars) = build(&config, &maps);
    let vars: BTreeMap<_, _> = vars.data().lock().unwrap().clone().into_iter().collect();
    for (name, var) in vars {
        if name.contains("residual") && name.ends_with("conv.weight") {
            var.set(&var.zeros_like().unwrap()).unwrap();
        }
    }
    let x = Tensor::rand(0f32, 1.0, (2, 1, 16, 16), &Device::Cpu).unwrap();
    for train in [false, true] {
        let [first, last] = [0, 1].map(|i| &network.stages[i].first);
        let y = first.forward_t(&x, train).unwrap().max_pool2d(2).unwrap();
        let y = last.forward_t(&y, train).unwrap();
        let expected = network.head.forward_t(&y, train).unwrap();
        let found = network.forward_t(&x, train).unwrap();
        let difference = (found - expected)
            .unwrap()
            .abs()
            .unwrap()
            .max_all()
            .unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-5);
    }
}

/// Each output has the shape that decoding requires.
#[test]
fn outputs_have_the_shape_of_their_kind() {
    let outputs = [
        OutputSpec::Coordinates,
        OutputSpec::CoordinatesWithScale {
            likelihood: Likelihood::Laplace,
            face_score: true,
        },
        OutputSpec::Heatmap { sigma_px: 1.0 },
        OutputSpec::SoftArgmax,
    ];
    for output in outputs {
        let task = Task { output, ..task(32) };
        let is_map = output.vector_len(1).is_none();
        let config = ResidualConfig {
            channels: vec![4, 4, 4],
            residual_blocks: vec![0, 2, 1],
            dense: if is_map { vec![] } else { vec![8] },
            dropout: 0.0,
        };
        let (network, _) = build(&config, &task);
        let x = Tensor::zeros((2, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
        let y = network.forward_t(&x, false).unwrap();
        output.check_shape(&y.dims()[1..], 68).unwrap();
        let dense = ResidualConfig {
            dense: vec![8],
            ..config
        };
        assert_eq!(dense.validate(&task).is_err(), is_map, "{output:?}");
    }
}

#[test]
fn invalid_sizes_are_refused_by_name() {
    let refused = |text: &str, size: usize| {
        let config: ResidualConfig = serde_json::from_str(text).unwrap();
        config.validate(&task(size)).unwrap_err().to_string()
    };
    let stages = refused(r#"{"channels": [], "residual_blocks": []}"#, 96);
    assert!(stages.starts_with("network.channels"), "{stages}");
    let zero = refused(r#"{"channels": [0], "residual_blocks": [0]}"#, 96);
    assert!(zero.starts_with("network.channels"), "{zero}");
    let length = refused(r#"{"residual_blocks": [1]}"#, 96);
    assert_eq!(
        length,
        "network.residual_blocks: has 1 entries, but network.channels has 5"
    );
    let many = refused(r#"{"residual_blocks": [0, 0, 0, 0, 65]}"#, 96);
    assert!(many.starts_with("network.residual_blocks"), "{many}");
    assert!(refused(r#"{"dense": [0]}"#, 96).starts_with("network.dense"));
    assert!(refused(r#"{"dense": [65536, 65536]}"#, 96).contains("parameters"));
    assert!(refused(r#"{"dropout": 1}"#, 96).starts_with("network.dropout"));
    assert!(refused("{}", 15).contains("an input of 15 pixels is too small for 5 stages"));
    assert!(serde_json::from_str::<ResidualConfig>(r#"{"kernel": 3}"#).is_err());
}
