//! The convolutional network: shapes, sizes that are refused, the names of its parameters.

use super::*;
use candle_core::{DType, Device};
use candle_nn::VarMap;
use fkp_core::{InputSpec, OutputSpec, Schema};

fn three(size: usize) -> Task {
    Task::new(Schema::numbered("three", 3).unwrap(), InputSpec::gray(size))
}

fn task(size: usize) -> Task {
    Task::new(Schema::kaggle15(), InputSpec::gray(size))
}

#[test]
fn the_default_is_the_network_of_the_tutorial() {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let network = Cnn::new(&CnnConfig::default(), &task(96), vb).unwrap();
    let x = Tensor::zeros((2, 1, 96, 96), DType::F32, &Device::Cpu).unwrap();
    let y = network.forward_t(&x, false).unwrap();
    assert_eq!(y.dims(), &[2, 30]);
    let parameters: usize = vars.all_vars().iter().map(|v| v.elem_count()).sum();
    // 320 + 18,496 + 73,856 + 18432·500 + 500 + 500·30 + 30
    assert_eq!(parameters, 9_324_202);
}

#[test]
fn normalization_and_dropout_have_variables_of_their_own() {
    let config: CnnConfig =
        serde_json::from_str(r#"{"conv_channels": [4, 4], "norm": "batch", "dropout": 0.5}"#)
            .unwrap();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let network = Cnn::new(&config, &three(16), vb).unwrap();
    let x = Tensor::rand(0f32, 1.0, (2, 1, 16, 16), &Device::Cpu).unwrap();
    assert_eq!(network.forward_t(&x, false).unwrap().dims(), &[2, 6]);
    let vars = vars.data().lock().unwrap();
    assert!(vars.contains_key("norm1.running_var") && !vars.contains_key("conv1.bias"));
    // These variables have no dropout seed.
    let error = network.forward_t(&x, true).unwrap_err().to_string();
    assert!(error.contains("no `dropout_seed`"), "{error}");
}

/// Model files of networks without the two options do not contain them.
#[test]
fn the_default_is_written_without_normalization_and_dropout() {
    let text = serde_json::to_string(&CnnConfig::default()).unwrap();
    let expected =
        r#"{"conv_channels":[32,64,128],"kernel_size":3,"padding":"same","dense":[500]}"#;
    assert_eq!(text, expected);
}

#[test]
fn valid_padding_shrinks_the_maps() {
    let config = CnnConfig {
        padding: Padding::Valid,
        dense: vec![],
        ..CnnConfig::default()
    };
    // 96 → 94 → 47 → 45 → 22 → 20 → 10
    assert_eq!(config.final_side(&InputSpec::gray(96)), Some(10));
    assert_eq!(config.final_side(&InputSpec::gray(20)), None);
}

#[test]
fn invalid_sizes_are_refused_by_name() {
    let refused =
        |config: CnnConfig, size: usize| config.validate(&task(size)).unwrap_err().to_string();
    let default = CnnConfig::default;
    let even = CnnConfig {
        kernel_size: 4,
        ..default()
    };
    assert!(refused(even, 96).starts_with("network.kernel_size"));
    let none = CnnConfig {
        conv_channels: vec![],
        ..default()
    };
    assert!(refused(none, 96).starts_with("network.conv_channels"));
    let zero = CnnConfig {
        dense: vec![0],
        ..default()
    };
    assert!(refused(zero, 96).starts_with("network.dense"));
    let huge = CnnConfig {
        dense: vec![65_536, 65_536],
        ..default()
    };
    assert!(refused(huge, 96).contains("parameters"));
    assert!(refused(default(), 4).contains("an input of 4 pixels is too small"));
    for dropout in [-0.1, 1.0, f64::NAN] {
        let config = CnnConfig {
            dropout,
            ..default()
        };
        assert!(refused(config, 96).starts_with("network.dropout"));
    }
}

/// Each output has the shape that decoding requires.
#[test]
fn outputs_have_the_shape_of_their_kind() {
    let outputs = [
        OutputSpec::Coordinates,
        OutputSpec::CoordinatesWithScale {
            likelihood: fkp_core::Likelihood::Laplace,
            face_score: true,
        },
        OutputSpec::Heatmap { sigma_px: 1.0 },
        OutputSpec::SoftArgmax,
    ];
    for output in outputs {
        let task = Task { output, ..task(32) };
        let is_map = output.vector_len(1).is_none();
        let config = CnnConfig {
            conv_channels: vec![4, 4],
            dense: if is_map { vec![] } else { vec![8] },
            ..CnnConfig::default()
        };
        config.validate(&task).unwrap();
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let network = Cnn::new(&config, &task, vb).unwrap();
        let x = Tensor::zeros((2, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
        let y = network.forward_t(&x, false).unwrap();
        output.check_shape(&y.dims()[1..], 15).unwrap();
        let dense = CnnConfig {
            dense: vec![8],
            ..config
        };
        assert_eq!(dense.validate(&task).is_err(), is_map, "{output:?}");
    }
}
