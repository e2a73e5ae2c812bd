//! Graphs: what tracing records, what it refuses, and folding.

use super::definition::ValueId;
use super::*;
use crate::layers::{
    Activation, BatchNorm2d, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Dropout, InvertedResidual, InvertedResidualConfig, Linear, PRelu,
    Residual, SqueezeExcite, SqueezeExciteConfig, activate, add, avg_pool2d, flatten,
    global_avg_pool2d, max_pool2d, relu, soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
use crate::{CnnConfig, ModelError, NetworkConfig, Norm};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap};
use fkp_core::{InputSpec, Schema, Task};

fn names(graph: &Graph) -> Vec<&'static str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

fn zeros() -> VarBuilder<'static> {
    VarBuilder::zeros(DType::F32, &Device::Cpu)
}

#[test]
fn the_tutorials_network_is_traced_and_its_norms_are_folded() {
    let task = Task::new(Schema::kaggle15(), InputSpec::gray(16));
    for norm in [Norm::None, Norm::Batch] {
        let config = NetworkConfig::Cnn(CnnConfig {
            conv_channels: vec![4, 8],
            dense: vec![12],
            dropout: 0.5,
            norm,
            ..CnnConfig::default()
        });
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let network = crate::Network::new(&config, &task, vb).unwrap();
        let graph = Graph::trace([1, 16, 16], |x| network.forward_t(x, false)).unwrap();
        let block = match norm {
            Norm::None => vec!["conv", "activation", "max_pool"],
            Norm::Batch => vec!["conv", "batch_norm", "activation", "max_pool"],
        };
        let head = ["flatten", "linear", "activation", "linear"];
        let expected = [block.clone(), block, head.to_vec()].concat();
        assert_eq!(names(&graph), expected);
        assert_eq!(graph.nodes.last().unwrap().shape, [30]);

        let folded = graph.fold_batch_norms().unwrap();
        assert_eq!(folded.nodes.len(), 10);
        assert!(!names(&folded).contains(&"batch_norm"));
        assert_eq!(folded.output, ValueId::Node(9));
        let Op::Conv { bias, .. } = &folded.nodes[0].op else {
            panic!("{:?}", folded.nodes[0]);
        };
        assert_eq!(bias.as_ref().unwrap().dims(), [4]);
    }
}

/// Every layer and function, and the order of residual, activation and pooling.
#[test]
fn every_layer_and_function_is_recorded() {
    let config = Conv2dConfig::new().padding(1).relu().max_pool2();
    let stem = Conv2d::new(1, 4, 3, config, zeros()).unwrap();
    let residual = ConvNorm::new(4, 4, 3, config, zeros()).unwrap();
    let depthwise = Conv2dConfig::new().padding(1);
    let depthwise = ConvNorm::depthwise(4, 3, depthwise, zeros()).unwrap();
    let silu = InvertedResidualConfig {
        activation: Activation::Silu,
        ..InvertedResidualConfig::default()
    };
    let inverted = InvertedResidual::new(4, 4, silu, zeros()).unwrap();
    let norm = BatchNorm2d::new(4, Activation::Identity, zeros()).unwrap();
    let dropout = Dropout::new(0.5, zeros()).unwrap();
    let linear = Linear::new(4, 3, Activation::Relu, zeros()).unwrap();
    let graph = Graph::trace([1, 32, 32], |x| {
        let x = stem.forward(x)?;
        let x = residual.forward_residual_t(&x, Residual::BeforeActivation(&x), false)?;
        let x = inverted.forward_t(&x, false)?;
        let x = depthwise.forward_t(&x, false)?;
        let x = residual.forward_residual_t(&x, Residual::AfterActivation(&x), false)?;
        let x = norm.forward_t(&x, false)?;
        let x = activate(&x, Activation::Identity)?;
        let x = add(&max_pool2d(&x, 2, 2)?, &avg_pool2d(&x, 2, 2)?)?;
        let x = flatten(&global_avg_pool2d(&x)?)?;
        linear.forward(&dropout.forward_t(&x, false)?)
    })
    .unwrap();
    let expected = "conv activation max_pool conv add activation max_pool conv activation conv \
                    activation conv add conv conv activation add max_pool batch_norm max_pool \
                    avg_pool add global_avg_pool linear activation";
    assert_eq!(names(&graph).join(" "), expected);
    let max_pool = graph.nodes.iter().rposition(|n| n.op.name() == "max_pool");
    assert_eq!(graph.nodes[max_pool.unwrap()].shape, [4, 2, 2]);
    // The norm follows a pooling, so it stays.
    assert_eq!(
        names(&graph.fold_batch_norms().unwrap()).join(" "),
        expected
    );
}

/// The layers and functions of networks whose output is maps, and of squeeze-and-excitation.
#[test]
fn every_operation_on_maps_is_recorded() {
    let doubling = ConvTranspose2dConfig::doubling();
    let up = ConvTranspose2d::no_bias(4, 4, 4, doubling, zeros()).unwrap();
    let norm = BatchNorm2d::new(4, Activation::Relu, zeros()).unwrap();
    let prelu = PRelu::new(4, zeros()).unwrap();
    let block = SqueezeExcite::new(4, SqueezeExciteConfig::default(), zeros()).unwrap();
    let graph = Graph::trace([4, 6, 8], |x| {
        let y = norm.forward_t(&up.forward(x)?, false)?;
        let y = add(&y, &upsample_nearest2d(x, 2)?)?;
        let y = add(&y, &upsample_bilinear2d(&upsample_nearest2d(x, 1)?, 2)?)?;
        let y = block.forward(&prelu.forward(&y)?)?;
        prelu.forward(&soft_argmax2d(&y, 2.0)?)
    })
    .unwrap();
    let [before, after] = [
        "conv_transpose",
        "activation upsample_nearest add upsample_bilinear add prelu global_avg_pool linear \
         activation linear activation scale_channels soft_argmax prelu",
    ];
    assert_eq!(
        names(&graph).join(" "),
        format!("{before} batch_norm {after}")
    );
    assert_eq!(graph.nodes[0].shape, [4, 12, 16]);
    assert_eq!(graph.nodes.last().unwrap().shape, [4, 2]);
    let folded = graph.fold_batch_norms().unwrap();
    assert_eq!(names(&folded).join(" "), format!("{before} {after}"));
}

#[test]
fn a_convolution_that_is_used_twice_keeps_its_norm() {
    let conv = Conv2d::no_bias(1, 2, 1, Conv2dConfig::new(), zeros()).unwrap();
    let norm = BatchNorm2d::new(2, Activation::Identity, zeros()).unwrap();
    let graph = Graph::trace([1, 4, 4], |x| {
        let x = conv.forward(x)?;
        add(&x, &norm.forward_t(&x, false)?)
    });
    let folded = graph.unwrap().fold_batch_norms().unwrap();
    assert_eq!(names(&folded), ["conv", "batch_norm", "add"]);
}

#[test]
fn operations_of_candle_are_refused_with_the_function_to_use() {
    let conv = Conv2d::new(1, 2, 3, Conv2dConfig::new().padding(1), zeros()).unwrap();
    let linear = Linear::new(2 * 64, 2, Activation::Identity, zeros()).unwrap();
    let small = Linear::new(2, 2, Activation::Identity, zeros()).unwrap();
    let norm = BatchNorm2d::new(2, Activation::Identity, zeros()).unwrap();
    let refused = |forward: &dyn Fn(&Tensor) -> Result<Tensor>| {
        let refused = Graph::trace([1, 8, 8], forward).unwrap_err();
        assert!(
            matches!(refused, ModelError::NotRecorded { .. }),
            "{refused}"
        );
        refused.to_string()
    };
    let sum = refused(&|x| {
        let x = conv.forward(x)?;
        max_pool2d(&(&x + &x)?, 2, 2)
    });
    for part in [
        "the input of max_pool2d (operation 2)",
        "[1, 2, 8, 8]",
        "`add`",
    ] {
        assert!(sum.contains(part), "{part}: {sum}");
    }
    let flat = refused(&|x| linear.forward(&conv.forward(x)?.flatten_from(1)?));
    assert!(
        flat.contains("the input of Linear") && flat.contains("`flatten`"),
        "{flat}"
    );
    let mean = refused(&|x| small.forward(&conv.forward(x)?.mean((2, 3))?));
    assert!(mean.contains("`global_avg_pool2d`"), "{mean}");
    let output = refused(&|x| conv.forward(x)?.relu());
    assert!(output.contains("the output of the network"), "{output}");
    let trained = refused(&|x| relu(&norm.forward_t(&conv.forward(x)?, true)?));
    assert!(trained.contains("the input of activate"), "{trained}");
    // A network's own error is returned as it is, and nothing stays active.
    let failed = Graph::trace([1, 8, 8], |x| linear.forward(x)).unwrap_err();
    assert!(matches!(failed, ModelError::Tensor(_)), "{failed}");
    let x = Tensor::zeros((1, 2, 8, 8), DType::F32, &Device::Cpu).unwrap();
    assert!(relu(&x).is_ok());
}
