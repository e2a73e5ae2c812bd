//! The network of inverted residual blocks: shapes, sizes that are refused, the names of its
//! parameters.

use super::*;
use candle_core::{DType, Device, Var};
use candle_nn::VarMap;
use fkp_core::{InputSpec, Likelihood, OutputSpec, Schema};

fn task(size: usize) -> Task {
    Task::new(Schema::ibug68(), InputSpec::gray(size))
}

fn build(config: &MobileConfig, task: &Task) -> (Mobile, VarMap) {
    config.validate(task).unwrap();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    (Mobile::new(config, task, vb).unwrap(), vars)
}

fn small() -> MobileConfig {
    MobileConfig {
        stem_channels: vec![4],
        channels: vec![4, 6],
        blocks: vec![2, 1],
        strides: vec![1, 2],
        expansion: 2,
        ..MobileConfig::default()
    }
}

fn parameters(vars: &VarMap) -> usize {
    let vars = vars.data().lock().unwrap();
    let is_parameter =
        |(name, var): (&String, &Var)| (!name.contains(".running_")).then(|| var.elem_count());
    vars.iter().filter_map(is_parameter).sum()
}

#[test]
fn the_default_is_for_112_pixels() {
    let (network, vars) = build(&MobileConfig::default(), &task(112));
    let x = Tensor::rand(0f32, 1.0, (2, 1, 112, 112), &Device::Cpu).unwrap();
    for train in [false, true] {
        assert_eq!(network.forward_t(&x, train).unwrap().dims(), &[2, 136]);
    }
    assert_eq!(parameters(&vars), 259_136);
    let vars = vars.data().lock().unwrap();
    assert_eq!(
        vars["stage4.block1.depthwise.conv.weight"].dims(),
        &[384, 1, 3, 3]
    );
    assert_eq!(vars["dense0.weight"].dims(), &[136, 96]);
}

#[test]
fn the_stem_and_the_strides_divide_the_side() {
    let input = InputSpec::gray(112);
    assert_eq!(MobileConfig::default().final_side(&input), 7);
    assert_eq!(small().final_side(&input), 28);
    // 13 → 7 → 7 → 4, as in the maps.
    let maps = Task {
        output: OutputSpec::SoftArgmax,
        ..task(13)
    };
    for kernel_size in [1, 3, 5] {
        let config = MobileConfig {
            kernel_size,
            ..small()
        };
        let (network, vars) = build(&config, &maps);
        let x = Tensor::rand(0f32, 1.0, (2, 1, 13, 13), &Device::Cpu).unwrap();
        let y = network.forward_t(&x, false).unwrap();
        assert_eq!(y.dims(), &[2, 68, 4, 4], "kernel {kernel_size}");
        assert!(
            vars.data()
                .lock()
                .unwrap()
                .contains_key("stem0.conv.weight")
        );
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
        let (network, _) = build(&small(), &task);
        let x = Tensor::zeros((2, 1, 32, 32), DType::F32, &Device::Cpu).unwrap();
        let y = network.forward_t(&x, false).unwrap();
        output.check_shape(&y.dims()[1..], 68).unwrap();
        let dense = MobileConfig {
            dense: vec![8],
            ..small()
        };
        assert_eq!(dense.validate(&task).is_err(), is_map, "{output:?}");
    }
}

#[test]
fn invalid_sizes_are_refused_by_name() {
    let refused = |text: &str| {
        let config: MobileConfig = serde_json::from_str(text).unwrap();
        config.validate(&task(112)).unwrap_err().to_string()
    };
    let cases = [
        (r#"{"channels": []}"#, "network.channels: needs"),
        (r#"{"stem_channels": [0]}"#, "network.stem_channels: each"),
        (r#"{"channels": [8]}"#, "network.blocks: has 5 entries"),
        (r#"{"blocks": [1, 1, 1, 1, 0]}"#, "network.blocks: each"),
        (r#"{"strides": [1, 1, 1, 1, 9]}"#, "network.strides: each"),
        (r#"{"expansion": 0}"#, "network.expansion: each"),
        (r#"{"kernel_size": 4}"#, "network.kernel_size"),
        (r#"{"dropout": -1}"#, "network.dropout"),
        (
            r#"{"dense": [65536, 65536]}"#,
            "network.dense: the network would have",
        ),
    ];
    for (text, expected) in cases {
        let message = refused(text);
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    assert!(serde_json::from_str::<MobileConfig>(r#"{"kernel": 3}"#).is_err());
    let one_pixel = Task {
        output: OutputSpec::SoftArgmax,
        ..task(16)
    };
    let message = MobileConfig::default()
        .validate(&one_pixel)
        .unwrap_err()
        .to_string();
    assert!(message.starts_with("network.strides"), "{message}");
}
