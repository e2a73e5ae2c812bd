//! Batch normalization against PyTorch. `golden.py` in this folder computed the reference values;
//! `golden.json` has them with the version of PyTorch.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use fkp_model::layers::{Activation, BatchNorm2d};
use std::collections::HashMap;

fn golden() -> HashMap<String, Tensor> {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    let tensors = golden["tensors"].as_object().unwrap().iter();
    tensors
        .map(|(name, entry)| {
            let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
            let values: Vec<f32> = serde_json::from_value(entry["values"].clone()).unwrap();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            (name.clone(), tensor)
        })
        .collect()
}

/// The largest difference, relative to the largest value.
fn error(found: &Tensor, expected: &Tensor) -> f32 {
    let largest = |t: Tensor| {
        let all = t.abs().unwrap().flatten_all().unwrap();
        all.max(0).unwrap().to_scalar::<f32>().unwrap()
    };
    largest((found - expected).unwrap()) / largest(expected.clone())
}

#[test]
fn training_and_running_statistics_are_those_of_pytorch() {
    let golden = golden();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let norm = BatchNorm2d::new(3, Activation::Identity, vb).unwrap();
    let var = |name: &str| -> Var { vars.data().lock().unwrap()[name].clone() };
    for name in ["weight", "bias"] {
        var(name).set(&golden[name]).unwrap();
    }
    for step in 0..4 {
        let y = norm.forward_t(&golden[&format!("x{step}")], true).unwrap();
        assert!(
            error(&y, &golden[&format!("y{step}")]) < 1e-6,
            "step {step}"
        );
        for name in ["running_mean", "running_var"] {
            let expected = &golden[&format!("{name}{step}")];
            let error = error(&var(name), expected);
            assert!(error < 1e-6, "{name} after step {step}: {error}");
        }
    }
    // In evaluation the running statistics are used and stay as they are.
    let y = norm.forward_t(&golden["x0"], false).unwrap();
    assert!(error(&y, &golden["evaluated"]) < 1e-6);
    assert!(error(&var("running_mean"), &golden["running_mean3"]) < 1e-6);
}

#[test]
fn relu_is_fused_and_a_single_value_per_channel_is_refused() {
    let golden = golden();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let norm = BatchNorm2d::new(3, Activation::Relu, vb.clone()).unwrap();
    let plain = BatchNorm2d::new(3, Activation::Identity, vb).unwrap();
    let x = &golden["x0"];
    for train in [true, false] {
        let expected = plain.forward_t(x, train).unwrap().relu().unwrap();
        assert!(error(&norm.forward_t(x, train).unwrap(), &expected) < 1e-6);
    }
    let one = Tensor::zeros((1, 3, 1, 1), DType::F32, &Device::Cpu).unwrap();
    let message = norm.forward_t(&one, true).unwrap_err().to_string();
    assert!(message.contains("more than one value"), "{message}");
}
