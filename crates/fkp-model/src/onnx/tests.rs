//! ONNX files, read back: structure, weights and metadata; networks that are refused.

use super::proto::{DimensionProto, GraphProto, INT64, ModelProto, NodeProto, TensorProto};
use super::{write, write_graph};
use crate::layers::{
    Activation, BatchNorm2d, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Linear, PRelu, activate, global_avg_pool2d, max_pool2d, scale_channels,
    soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
use crate::{Graph, ModelCard, ModelError, ModelFile};
use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder, VarMap};
use fkp_core::{InputSpec, OutputSpec, Schema, Task};
use prost::Message;
use std::path::Path;

fn read(path: &Path) -> (ModelProto, GraphProto) {
    let bytes = std::fs::read(path).unwrap();
    let model = ModelProto::decode(bytes.as_slice()).unwrap();
    let graph = model.graph.clone().unwrap();
    (model, graph)
}

fn op_types(graph: &GraphProto) -> Vec<&str> {
    graph
        .node
        .iter()
        .map(|node| node.op_type.as_str())
        .collect()
}

fn values(tensor: &TensorProto) -> Vec<f32> {
    let (numbers, rest) = tensor.raw_data.as_chunks::<4>();
    assert!(rest.is_empty());
    numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

fn ints(node: &NodeProto, name: &str) -> Vec<i64> {
    let found = node.attribute.iter().find(|a| a.name == name).unwrap();
    match found.i {
        Some(value) => vec![value],
        None => found.ints.clone(),
    }
}

#[test]
fn the_pretrained_model_is_written_with_its_metadata() {
    let file = ModelFile::pretrained(crate::Pretrained::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write(&file, &path).unwrap();
    let (model, graph) = read(&path);
    assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));

    let task = &file.card.task;
    let entry = |key: &str| {
        let found = model.metadata_props.iter().find(|entry| entry.key == key);
        found.unwrap().value.clone()
    };
    assert_eq!(entry("input_size"), task.input.size.to_string());
    assert_eq!(entry("input_std").parse(), Ok(task.input.std));
    let names: Vec<String> = serde_json::from_str(&entry("keypoints")).unwrap();
    assert_eq!(names, task.schema.keypoints());
    let output: OutputSpec = serde_json::from_str(&entry("output")).unwrap();
    assert_eq!(output, task.output);
    let card: ModelCard = serde_json::from_str(&entry(ModelCard::KEY)).unwrap();
    assert_eq!(card, file.card);

    let [input, output] = [&graph.input[0], &graph.output[0]];
    assert_eq!(
        (input.name.as_str(), output.name.as_str()),
        ("image", task.output.kind())
    );
    let tensor = input.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
    let dims = &tensor.shape.as_ref().unwrap().dim;
    let batch = DimensionProto {
        dim_param: Some("batch".to_owned()),
        dim_value: None,
    };
    assert_eq!(dims[0], batch);
    let sides: Vec<_> = dims[1..].iter().map(|dim| dim.dim_value.unwrap()).collect();
    let InputSpec { size, channels, .. } = task.input;
    assert_eq!(sides, [channels, size, size].map(|side| side as i64));

    assert!(!op_types(&graph).contains(&"BatchNormalization"));
    // Each value is made once, and before it is used.
    let mut made: Vec<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    made.push("image");
    for node in &graph.node {
        assert!(node.input.iter().all(|name| made.contains(&name.as_str())));
        assert!(!made.contains(&node.output[0].as_str()));
        made.push(&node.output[0]);
    }
    assert_eq!(made.last(), Some(&output.name.as_str()));
}

#[test]
fn norms_are_folded_and_depthwise_convolutions_have_groups() {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let padded = Conv2dConfig::new().padding(1).stride(2);
    let conv = Conv2d::no_bias(1, 4, 3, padded, vb.pp("conv")).unwrap();
    let norm = BatchNorm2d::new(4, Activation::Silu, vb.pp("norm")).unwrap();
    let depthwise = ConvNorm::depthwise(4, 3, padded.relu(), vb.pp("depthwise")).unwrap();
    let linear = Linear::new(4, 2, Activation::Identity, vb.pp("linear")).unwrap();
    // 2 / √(4 − eps + eps) · w, and the shift 3 − 5 · 1.
    for (name, value) in [
        ("norm.weight", 2.0),
        ("norm.bias", 3.0),
        ("norm.running_mean", 5.0),
        ("norm.running_var", 4.0 - 1e-5f32),
    ] {
        let value = Tensor::full(value, 4, &Device::Cpu).unwrap();
        vars.data().lock().unwrap()[name].set(&value).unwrap();
    }
    let graph = Graph::trace([1, 16, 16], |x| {
        let x = norm.forward_t(&conv.forward(x)?, false)?;
        linear.forward(&global_avg_pool2d(&depthwise.forward_t(&x, false)?)?)
    })
    .unwrap();
    let task = Task::new(Schema::numbered("one", 1).unwrap(), InputSpec::gray(16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_graph(&graph, &task, &path).unwrap();
    let (model, graph) = read(&path);
    let expected = [
        "Conv",
        "Sigmoid",
        "Mul",
        "Conv",
        "Relu",
        "GlobalAveragePool",
        "Flatten",
        "Gemm",
    ];
    assert_eq!(op_types(&graph), expected);
    let [first, second] = [&graph.node[0], &graph.node[3]];
    assert_eq!(
        (ints(first, "group"), ints(second, "group")),
        (vec![1], vec![4])
    );
    assert_eq!(ints(first, "pads"), [1, 1, 1, 1]);
    assert_eq!(ints(first, "strides"), [2, 2]);
    let initializer = |name: &str| graph.initializer.iter().find(|t| t.name == name).unwrap();
    let weight = vars.data().lock().unwrap()["conv.weight"].clone();
    let weight = weight.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let folded = initializer("conv0.weight");
    assert_eq!(folded.dims, [4, 1, 3, 3]);
    for (w, folded) in weight.iter().zip(values(folded)) {
        assert!((w - folded).abs() < 1e-5, "{w} {folded}");
    }
    for bias in values(initializer("conv0.bias")) {
        assert!((bias + 2.0).abs() < 1e-5, "{bias}");
    }
    assert!(
        !model
            .metadata_props
            .iter()
            .any(|entry| entry.key == ModelCard::KEY)
    );
}

#[test]
fn every_activation_has_operators() {
    let task = Task::new(Schema::numbered("two", 2).unwrap(), InputSpec::gray(2));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    for (activation, last) in [
        (Activation::Relu, "Relu"),
        (Activation::Relu6, "Clip"),
        (Activation::LeakyRelu { slope: 0.1 }, "LeakyRelu"),
        (Activation::Silu, "Mul"),
        (Activation::HardSwish, "HardSwish"),
        (Activation::Gelu, "Mul"),
        (Activation::Sigmoid, "Sigmoid"),
        (Activation::HardSigmoid, "HardSigmoid"),
    ] {
        let graph = Graph::trace([1, 2, 2], |x| {
            crate::layers::flatten(&activate(x, activation)?)
        });
        write_graph(&graph.unwrap(), &task, &path).unwrap();
        let (_, graph) = read(&path);
        let types = op_types(&graph);
        assert_eq!(types[types.len() - 2], last);
    }
}

/// Operators of maps, and their attributes that must match ours.
#[test]
fn operations_on_maps_have_operators() {
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let doubling = ConvTranspose2dConfig::doubling();
    let up = ConvTranspose2d::new(1, 3, 4, doubling, vb.clone()).unwrap();
    let prelu = PRelu::new(3, vb.clone()).unwrap();
    let graph = Graph::trace([1, 4, 4], |x| {
        let x = upsample_bilinear2d(&upsample_nearest2d(&up.forward(x)?, 3)?, 2)?;
        let x = scale_channels(&prelu.forward(&x)?, &global_avg_pool2d(&x)?)?;
        crate::layers::flatten(&soft_argmax2d(&x, 2.0)?)
    });
    let task = Task::new(Schema::numbered("three", 3).unwrap(), InputSpec::gray(4));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_graph(&graph.unwrap(), &task, &path).unwrap();
    let (_, graph) = read(&path);
    let expected = "ConvTranspose Resize Resize PRelu GlobalAveragePool Flatten Unsqueeze Mul \
                    Reshape Mul Softmax MatMul Flatten";
    assert_eq!(op_types(&graph).join(" "), expected);
    let node = |op_type: &str| graph.node.iter().find(|n| n.op_type == op_type).unwrap();
    let transposed = node("ConvTranspose");
    assert_eq!(ints(transposed, "strides"), [2, 2]);
    assert_eq!(ints(transposed, "pads"), [1, 1, 1, 1]);
    let text = |node: &NodeProto, name: &str| {
        let found = node.attribute.iter().find(|a| a.name == name).unwrap();
        String::from_utf8(found.s.clone().unwrap()).unwrap()
    };
    let [nearest, linear] = [&graph.node[1], &graph.node[2]];
    let key = "coordinate_transformation_mode";
    assert_eq!(text(nearest, key), "asymmetric");
    assert_eq!(text(linear, key), "half_pixel");
    let initializer = |name: &str| graph.initializer.iter().find(|t| t.name == name).unwrap();
    assert_eq!(values(initializer(&nearest.input[2])), [1.0, 1.0, 3.0, 3.0]);
    assert_eq!(initializer(&node("PRelu").input[1]).dims, [3, 1, 1]);
    assert_eq!(initializer(&node("Unsqueeze").input[1]).data_type, INT64);
    let positions = values(initializer(&node("MatMul").input[1]));
    assert_eq!(positions[..6], [0.0, 0.0, 1.0, 0.0, 2.0, 0.0]);
}

#[test]
fn networks_that_do_not_match_the_task_are_refused() {
    let task = Task::new(Schema::numbered("two", 2).unwrap(), InputSpec::gray(4));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let refused =
        |graph: Result<Graph, ModelError>| write_graph(&graph.unwrap(), &task, &path).unwrap_err();
    let input = refused(Graph::trace([3, 4, 4], global_avg_pool2d)).to_string();
    assert!(
        input.contains("[1, 4, 4]") && input.contains("[3, 4, 4]"),
        "{input}"
    );
    let output = refused(Graph::trace([1, 4, 4], |x| max_pool2d(x, 2, 2)));
    assert!(matches!(output, ModelError::Output(_)), "{output}");
    let nothing = refused(Graph::trace([1, 4, 4], |x| Ok(x.clone())));
    assert!(matches!(nothing, ModelError::Onnx { .. }), "{nothing}");
    let flat = Graph::trace([1, 2, 2], crate::layers::flatten).unwrap();
    let task = Task::new(Schema::numbered("two", 2).unwrap(), InputSpec::gray(2));
    let error = write_graph(&flat, &task, folder.path()).unwrap_err();
    assert!(matches!(error, ModelError::Write { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string())
    );
}
