//! Exported models, checked and run by a real ONNX Runtime: the same keypoints as ours.

use crate::support::{program, ran, refused, tiny_config, train};
use candle_core::{Device, Result, Tensor};
use candle_nn::{Module, ModuleT, VarBuilder};
use fkp_core::{CropSquare, Dataset, Image, InputSpec, OutputSpec, Prediction, Task};
use fkp_model::layers::{
    Activation, BatchNorm2d, Conv2d, Conv2dConfig, ConvNorm, ConvTranspose2d,
    ConvTranspose2dConfig, Gate, InvertedResidual, InvertedResidualConfig, Linear, PRelu, Residual,
    SqueezeExcite, SqueezeExciteConfig, activate, add, avg_pool2d, flatten, global_avg_pool2d,
    max_pool2d, soft_argmax2d, upsample_bilinear2d, upsample_nearest2d,
};
use fkp_model::{Graph, InferencePlan, Landmarker, onnx};
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces, render};
use fkp_train::Params;
use image::imageops::FilterType;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Largest allowed distance between a keypoint of ONNX Runtime and ours.
const TOLERANCE_PX: f32 = 0.01;

/// A Python with ONNX Runtime; `None`, with a message, if it is not installed.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("FKP_ONNX_PYTHON").map(PathBuf::from);
    if python.is_none() {
        let line = "SKIPPED: FKP_ONNX_PYTHON names no Python with onnx, onnxruntime and pillow, so \
                    the exported models were not run";
        // The test harness hides the output of `eprintln!` in a test that passes.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    python
}

/// Rendered faces of this many pixels.
fn faces(count: usize, size: usize) -> Vec<Image> {
    let config = SynthConfig {
        count,
        size,
        seed: 11,
        ..SynthConfig::default()
    };
    let faces = SynthFaces::new(config).unwrap();
    let image = |index| faces.get(index).unwrap().image;
    (0..count).map(image).collect()
}

/// What ONNX Runtime predicts in each image, with a check of the file by `onnx.checker`.
fn run(python: &Path, model: &Path, task: &Task, images: &[Image]) -> Vec<Prediction> {
    let mut input = vec![0.0; images.len() * task.input.len()];
    let mut maps = Vec::new();
    for (image, out) in images.iter().zip(input.chunks_exact_mut(task.input.len())) {
        let square = CropSquare::whole(image);
        maps.push(task.input.preprocess(image, &square, out).unwrap());
    }
    let [input_file, output_file] = ["input", "output"].map(|name| model.with_extension(name));
    let bytes: Vec<u8> = input.iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
    std::fs::write(&input_file, bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/onnx_runtime.py");
    ran(Command::new(python)
        .arg(script)
        .arg(model)
        .args([&input_file, &output_file]));
    let bytes = std::fs::read(&output_file).unwrap();
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    let per_image = values.len() / images.len();
    let keypoints = task.schema.len();
    let shape = match task.output.vector_len(keypoints) {
        Some(_) => vec![per_image],
        None => {
            let side = (per_image / keypoints).isqrt();
            vec![keypoints, side, side]
        }
    };
    let outputs = values.chunks_exact(per_image).zip(&maps);
    let factor = task.calibration().map_or(1.0, |c| c.sigma_factor as f32);
    let decoded = outputs.map(|(values, crop_from_image)| {
        let frame = task.input.frame();
        let decoded = task.output.decode(values, &shape, frame, keypoints);
        let mut found = decoded.unwrap();
        found
            .sigma_px
            .iter_mut()
            .flatten()
            .for_each(|s| *s *= factor);
        found.map(&crop_from_image.inverse())
    });
    decoded.collect()
}

/// The largest distance between keypoints, and the largest relative difference of standard
/// deviations.
fn differences(found: &[Prediction], expected: &[Prediction]) -> (f32, f32) {
    assert_eq!(found.len(), expected.len());
    let (mut distance, mut sigma) = (0f32, 0f32);
    for (found, expected) in found.iter().zip(expected) {
        for (a, b) in found.keypoints.iter().zip(expected.keypoints.iter()) {
            assert!(b.x.is_finite() && b.y.is_finite());
            distance = distance.max(a.distance(b));
        }
        let sigmas = found.sigma_px.iter().flatten();
        for (a, b) in sigmas.zip(expected.sigma_px.iter().flatten()) {
            sigma = sigma.max((a / b - 1.0).abs());
        }
        assert_eq!(found.face_score.is_some(), expected.face_score.is_some());
        let scores = found.face_score.zip(expected.face_score);
        assert!(
            scores.is_none_or(|(a, b)| (a - b).abs() < 1e-3),
            "{scores:?}"
        );
    }
    (distance, sigma)
}

fn check(name: &str, found: &[Prediction], expected: &[Prediction]) {
    let (distance, sigma) = differences(found, expected);
    println!("{name}: {distance:.6} px, standard deviations {sigma:.6}");
    assert!(distance < TOLERANCE_PX, "{name}: {distance} px");
    assert!(
        sigma < 1e-3,
        "{name}: standard deviations differ by {sigma}"
    );
}

/// The model by the program `export`, against the `Landmarker`.
fn check_model(python: &Path, model: Option<&Path>, out: &Path, images: &[Image]) {
    ran(program("export").args(model).arg(out));
    let landmarker = match model {
        Some(model) => Landmarker::load(model).unwrap(),
        None => Landmarker::pretrained().unwrap(),
    };
    let expected = landmarker.detect_batch(images).unwrap();
    let expected: Vec<_> = expected
        .iter()
        .map(|face| Prediction {
            keypoints: face.positions().clone(),
            sigma_px: face.sigmas().map(<[f32]>::to_vec),
            face_score: face.score(),
            detections: Vec::new(),
        })
        .collect();
    let found = run(python, out, &landmarker.card().task, images);
    check(
        &out.file_stem().unwrap().to_string_lossy(),
        &found,
        &expected,
    );
}

#[test]
fn onnx_runtime_predicts_what_the_models_predict() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let images = faces(200, 120);
    check_model(
        &python,
        None,
        &folder.path().join("pretrained.onnx"),
        &images,
    );
    // The tutorial's network, without and with batch normalization, and an output of maps.
    let (tutorial, maps) = ("", "conv_channels = [8, 8]\ndense = []\n");
    for (name, network, output) in [
        ("tutorial", tutorial.to_owned(), "coordinates"),
        (
            "norm",
            format!("{tutorial}norm = 'batch'\ndropout = 0.3\n"),
            "coordinates",
        ),
        ("maps", format!("{maps}norm = 'batch'\n"), "soft_argmax"),
    ] {
        let config = tiny_config(folder.path(), 1);
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("size = 32", "size = 96");
        let text = text.replace("conv_channels = [4, 8]\ndense = [16]\n", &network);
        let text = format!("{text}[output]\nkind = '{output}'\n");
        std::fs::write(&config, text).unwrap();
        let out = folder.path().join(name);
        ran(&mut train(&config, &out));
        let model = out.join("best.safetensors");
        check_model(&python, Some(&model), &out.with_extension("onnx"), &images);
    }
}

/// Residual blocks of both kinds, every activation and every pooling.
struct Own {
    stem: ConvNorm,
    blocks: [ConvNorm; 2],
    inverted: Vec<InvertedResidual>,
    depthwise: ConvNorm,
    project: Conv2d,
    output: Linear,
}

impl Own {
    fn new(keypoints: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let same = Conv2dConfig::new().padding(1);
        let gelu = same.activation(Activation::Gelu);
        let block = |config, name| ConvNorm::new(8, 8, 3, config, vb.pp(name));
        let inverted = [
            (8, Activation::Relu6, 1),
            (12, Activation::HardSwish, 2),
            (12, Activation::Silu, 1),
        ];
        let mut channels = 8;
        let inverted = inverted.into_iter().enumerate();
        let inverted = inverted.map(|(i, (channels_out, activation, stride))| {
            let config = InvertedResidualConfig {
                activation,
                stride,
                ..InvertedResidualConfig::default()
            };
            let channels_in = std::mem::replace(&mut channels, channels_out);
            InvertedResidual::new(
                channels_in,
                channels_out,
                config,
                vb.pp(format!("inverted{i}")),
            )
        });
        Ok(Self {
            inverted: inverted.collect::<Result<_>>()?,
            stem: ConvNorm::new(1, 8, 3, same.relu().max_pool2(), vb.pp("stem"))?,
            blocks: [
                block(same.relu().max_pool2(), "before")?,
                block(gelu, "after")?,
            ],
            depthwise: ConvNorm::depthwise(12, 3, same.stride(2), vb.pp("depthwise"))?,
            project: Conv2d::new(12, 16, 1, Conv2dConfig::new(), vb.pp("project"))?,
            output: Linear::new(16, 2 * keypoints, Activation::Identity, vb.pp("output"))?,
        })
    }
}

impl ModuleT for Own {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = self.stem.forward_t(x, train)?;
        let [before, after] = &self.blocks;
        x = after.forward_residual_t(&x, Residual::AfterActivation(&x), train)?;
        x = before.forward_residual_t(&x, Residual::BeforeActivation(&x), train)?;
        for block in &self.inverted {
            x = block.forward_t(&x, train)?;
        }
        x = self
            .project
            .forward(&self.depthwise.forward_t(&x, train)?)?;
        x = activate(&x, Activation::LeakyRelu { slope: 0.1 })?;
        x = add(&max_pool2d(&x, 2, 1)?, &avg_pool2d(&x, 2, 1)?)?;
        let mean = global_avg_pool2d(&x)?;
        // The highest of each channel, by a window of the whole map.
        let side = x.dim(2)?;
        let highest = flatten(&max_pool2d(&x, side, 1)?)?;
        let sum = add(&mean, &highest)?;
        self.output.forward(&sum)
    }
}

/// Maps that are enlarged in every way, squeeze-and-excitation with both gates, PReLU, and positions
/// in the maps.
struct OwnMaps {
    stem: ConvNorm,
    prelus: [PRelu; 2],
    blocks: [SqueezeExcite; 2],
    ups: [ConvTranspose2d; 2],
    norm: BatchNorm2d,
    maps: Conv2d,
    output: Linear,
}

impl OwnMaps {
    fn new(keypoints: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let stem = Conv2dConfig::new().padding(1).relu().max_pool2();
        let block = |gate, name| {
            let config = SqueezeExciteConfig {
                reduction: 2,
                activation: Activation::Silu,
                gate,
            };
            SqueezeExcite::new(8, config, vb.pp(name))
        };
        let doubling = ConvTranspose2dConfig::doubling();
        // Phases of different kernels, and a row and column at the end.
        let odd = ConvTranspose2dConfig::new()
            .stride(2)
            .padding(1)
            .output_padding(1);
        let values = 2 * keypoints;
        Ok(Self {
            stem: ConvNorm::new(1, 8, 3, stem, vb.pp("stem"))?,
            prelus: [
                PRelu::new(8, vb.pp("prelu0"))?,
                PRelu::new(values, vb.pp("prelu1"))?,
            ],
            blocks: [
                block(Gate::Sigmoid, "block0")?,
                block(Gate::HardSigmoid, "block1")?,
            ],
            ups: [
                ConvTranspose2d::no_bias(8, 8, 4, doubling, vb.pp("up0"))?,
                ConvTranspose2d::new(8, 8, 3, odd, vb.pp("up1"))?,
            ],
            norm: BatchNorm2d::new(8, Activation::Relu, vb.pp("norm"))?,
            maps: Conv2d::new(8, keypoints, 1, Conv2dConfig::new(), vb.pp("maps"))?,
            output: Linear::new(values, values, Activation::Identity, vb.pp("output"))?,
        })
    }
}

impl ModuleT for OwnMaps {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.prelus[0].forward(&self.stem.forward_t(x, train)?)?;
        let x = self.blocks[0].forward(&x)?;
        let small = max_pool2d(&x, 2, 2)?;
        let y = self.norm.forward_t(&self.ups[0].forward(&small)?, train)?;
        let y = add(&y, &self.ups[1].forward(&small)?)?;
        let y = add(&add(&x, &y)?, &upsample_nearest2d(&small, 2)?)?;
        let y = add(&y, &upsample_bilinear2d(&small, 2)?)?;
        let maps = self.maps.forward(&self.blocks[1].forward(&y)?)?;
        let positions = flatten(&soft_argmax2d(&maps, 3.0)?)?;
        self.output.forward(&self.prelus[1].forward(&positions)?)
    }
}

/// The exported network and its inference plan, against the network itself.
fn check_traced<N: ModuleT>(name: &str, build: impl FnOnce(usize, &VarBuilder<'_>) -> Result<N>) {
    let Some(python) = python() else {
        return;
    };
    let input = InputSpec {
        mean: 0.4,
        std: 0.3,
        ..InputSpec::gray(64)
    };
    let task = Task::new(fkp_core::Schema::kaggle15(), input);
    let params = Params::new(3, &Device::Cpu);
    let network = build(15, &params.builder()).unwrap();
    let images = faces(200, 64);
    let mut x = vec![0.0; images.len() * input.len()];
    for (image, out) in images.iter().zip(x.chunks_exact_mut(input.len())) {
        input
            .preprocess(image, &CropSquare::whole(image), out)
            .unwrap();
    }
    let x = Tensor::from_vec(x, (images.len(), 1, 64, 64), &Device::Cpu).unwrap();
    // Running statistics of these images.
    for _ in 0..30 {
        network
            .forward_t(&x.narrow(0, 0, 32).unwrap(), true)
            .unwrap();
    }
    let decoded = |y: &Tensor| -> Vec<Prediction> {
        let rows = y.to_vec2::<f32>().unwrap();
        let decode = |values: &Vec<f32>| {
            OutputSpec::Coordinates
                .decode(values, &[30], input.frame(), 15)
                .unwrap()
        };
        rows.iter().map(decode).collect()
    };
    let expected = decoded(&network.forward_t(&x, false).unwrap());
    let keypoint = |i: usize| expected[i].keypoints[0];
    assert!(
        keypoint(0).distance(&keypoint(1)) > 0.1,
        "the network ignores its input"
    );

    let graph = Graph::trace([1, 64, 64], |x| network.forward_t(x, false)).unwrap();
    let plan = InferencePlan::from_graph(&graph).unwrap();
    check(
        &format!("the plan of {name}"),
        &decoded(&plan.forward(&x).unwrap()),
        &expected,
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    onnx::write_graph(&graph, &task, &path).unwrap();
    check(name, &run(&python, &path, &task, &images), &expected);
}

#[test]
fn onnx_runtime_predicts_what_a_traced_network_predicts() {
    check_traced("a network of blocks", Own::new);
    check_traced("a network of maps", OwnMaps::new);
}

/// The Python program of `docs/onnx.md` as it is.
#[test]
fn the_program_of_the_page_prints_the_keypoints() {
    let Some(python) = python() else {
        return;
    };
    let page = include_str!("../../../docs/onnx.md");
    let (_, code) = page.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [script, model, image] =
        ["page.py", "model.onnx", "face.png"].map(|n| folder.path().join(n));
    std::fs::write(&script, code).unwrap();
    ran(program("export").arg(&model));
    let landmarker = Landmarker::pretrained().unwrap();
    let size = landmarker.card().task.input.size;
    let mut face = SynthFaces::new(SynthConfig::default()).unwrap().params(0);
    face.camera = Camera::NEUTRAL;
    let (face, _) = render(&face, size, Channels::Gray, KeypointSet::Kaggle15);
    let face = image::DynamicImage::from(face);
    let resized = |side, filter| face.resize_exact(side, side, filter);
    let size = size as u32;
    // Of the size of the input, of twice and of another size; two decimals are printed. Repeated pixels have
    // means without rounding errors; at the other size PIL and `CropSquare` weigh pixels differently.
    for (face, tolerance) in [
        (resized(size, FilterType::Nearest), 0.02),
        (resized(2 * size, FilterType::Nearest), 0.02),
        (resized(250, FilterType::CatmullRom), 1.5),
    ] {
        let side = face.width();
        face.save(&image).unwrap();
        let face = Image::from(face);
        let printed = ran(Command::new(&python).arg(&script).args([&model, &image]));
        let expected = landmarker.detect(&face).unwrap();
        assert_eq!(printed.lines().count(), expected.positions().len());
        let mut largest = 0f32;
        for (line, expected) in printed.lines().zip(expected.keypoints()) {
            let [name, x, y] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!(name, expected.name);
            let [x, y]: [f32; 2] = [x, y].map(|number| number.parse().unwrap());
            largest = largest.max((x - expected.x).hypot(y - expected.y));
        }
        println!("{side} pixels: {largest:.4} px");
        assert!(largest < tolerance, "{side} pixels: {largest} px");
    }
}

#[test]
fn export_refuses_what_it_cannot_read_or_write() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    std::fs::write(&model, "no model").unwrap();
    let out = folder.path().join("model.onnx");
    let message = refused(program("export").args([&model, &out]));
    assert!(
        message.contains("model.safetensors") && !out.exists(),
        "{message}"
    );
    // Without an ONNX file the model is not overwritten.
    let message = refused(program("export").arg(&model));
    assert!(message.contains("must end in .onnx"), "{message}");
    assert_eq!(std::fs::read(&model).unwrap(), b"no model");
}
