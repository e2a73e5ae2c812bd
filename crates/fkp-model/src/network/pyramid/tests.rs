//! The feature pyramid: shapes, images of any size, sizes that are refused.

use super::*;
use crate::{Graph, InferencePlan};
use candle_core::{DType, Device};
use candle_nn::VarMap;
use fkp_core::{InputSpec, OutputSpec, Schema};

fn task(size: usize, stride: usize) -> Task {
    Task {
        output: OutputSpec::Boxes { stride },
        ..Task::new(Schema::boxes(), InputSpec::gray(size))
    }
}

fn build(config: &PyramidConfig, task: &Task) -> (Pyramid, VarMap) {
    config.validate(task).unwrap();
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    (Pyramid::new(config, task, vb).unwrap(), vars)
}

#[test]
fn the_output_has_the_stride_of_the_task() {
    for stride in [4, 8, 32] {
        let (network, _) = build(&PyramidConfig::default(), &task(64, stride));
        for (height, width) in [(64, 64), (32, 96)] {
            let x = Tensor::rand(0f32, 1.0, (2, 1, height, width), &Device::Cpu).unwrap();
            for train in [false, true] {
                let y = network.forward_t(&x, train).unwrap();
                assert_eq!(y.dims(), &[2, 5, height / stride, width / stride]);
            }
        }
    }
}

/// A plan for images of another size than those of the training gives what the network gives.
#[test]
fn a_plan_can_be_made_for_any_size() {
    let (network, _) = build(&PyramidConfig::default(), &task(64, 8));
    let graph = Graph::trace([1, 96, 160], |x| network.forward_t(x, false)).unwrap();
    let plan = InferencePlan::from_graph(&graph).unwrap();
    let x = Tensor::rand(0f32, 1.0, (1, 1, 96, 160), &Device::Cpu).unwrap();
    let expected = network.forward_t(&x, false).unwrap();
    let (expected, x) = (expected.flatten_all().unwrap(), x.flatten_all().unwrap());
    let got = plan.run(&x.to_vec1::<f32>().unwrap(), 1).unwrap();
    for (got, expected) in got.iter().zip(expected.to_vec1::<f32>().unwrap()) {
        assert!((got - expected).abs() < 1e-4, "{got} {expected}");
    }
}

#[test]
fn invalid_sizes_name_their_field() {
    let refused =
        |config: &PyramidConfig, task: &Task| config.validate(task).unwrap_err().to_string();
    let config = PyramidConfig::default();
    assert!(refused(&config, &task(64, 6)).contains("output"));
    assert!(refused(&config, &task(80, 8)).contains("input.size"));
    let keypoints = Task::new(Schema::ibug68(), InputSpec::gray(64));
    assert!(refused(&config, &keypoints).contains("boxes"));
    let short = PyramidConfig {
        residual_blocks: vec![1],
        ..config.clone()
    };
    assert!(refused(&short, &task(64, 8)).contains("network.residual_blocks"));
    let empty = PyramidConfig {
        channels: Vec::new(),
        ..config
    };
    assert!(refused(&empty, &task(64, 8)).contains("network.channels"));
}
