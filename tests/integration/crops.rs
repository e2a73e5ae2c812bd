//! Training and prediction use the same pixels, and boxes of every convention give the same crop.

use crate::common::{small_config, train};
use fkp_core::{
    Border, BoundingBox, BoxConvention, CropRule, CropSquare, Dataset, FaceBox, Filter, Image,
    InMemory, InputSpec, Keypoints, Sample, Schema, SchemaMap, warp_affine,
};
use fkp_data::{Cropped, Mapped, OpenOptions};
use fkp_model::{DetectOptions, Landmarker, Refine};
use fkp_synth::{SynthConfig, SynthFaces};
use fkp_test_support::shared_set;

/// Photographs in color with their keypoints: a rendered face in a larger image, and real ones
/// where they are.
fn photographs() -> Vec<Sample> {
    let faces = SynthConfig {
        size: 80,
        count: 3,
        seed: 7,
        ..SynthConfig::default()
    };
    let faces = SynthFaces::new(faces).unwrap();
    let square = CropSquare {
        center: (140.3, 90.8),
        side: 130.0,
    };
    let image_from_face = square.crop_from_image(80).unwrap().inverse();
    let mut samples: Vec<Sample> = (0..faces.len())
        .map(|index| {
            let face = faces.get(index).unwrap();
            let tinted: Vec<u8> = face
                .image
                .as_bytes()
                .iter()
                .flat_map(|&v| [v, v / 2 + 40, 255 - v])
                .collect();
            let tinted = Image::new(80, 80, 3, tinted).unwrap();
            let size = (300, 200);
            let border = Border::Replicate;
            let image = warp_affine(&tinted, &image_from_face, size, Filter::Bilinear, border);
            Sample::new("rendered", image, face.keypoints.map(&image_from_face))
        })
        .collect();
    if let Some(path) = shared_set("ibug68") {
        let opened = fkp_data::open(path, &OpenOptions::default()).unwrap();
        let map = SchemaMap::between(opened.complete.schema(), &Schema::kaggle15()).unwrap();
        let real = Mapped::new(opened.complete, map);
        samples.extend((0..20).map(|i| real.get(97 * i).unwrap()));
    }
    samples
}

/// The data set wrapper and the landmarker crop, convert and normalize by the same code.
#[test]
fn one_photograph_is_the_same_input_in_training_and_prediction() {
    let schema = Schema::kaggle15();
    let rule = CropRule::for_schema(&schema);
    let samples = photographs();
    for channels in [1, 3] {
        let input = InputSpec {
            channels,
            mean: 0.4,
            std: 0.3,
            ..InputSpec::gray(96)
        };
        let set = InMemory::new(schema.clone(), samples.clone()).unwrap();
        let crops = Cropped::new(set, rule.clone(), input);
        for (index, sample) in samples.iter().enumerate() {
            let mut trained = vec![0.0; input.len()];
            input.fill(&crops.get(index).unwrap().image, &mut trained);
            let bounds = sample.keypoints.bounding_box().unwrap();
            let square = rule.square_of(&FaceBox::keypoints(bounds)).unwrap();
            let mut predicted = vec![0.0; input.len()];
            input
                .preprocess(&sample.image, &square, &mut predicted)
                .unwrap();
            assert_eq!(trained, predicted, "sample {index}, {channels} channels");
        }
    }
}

/// Whatever the box is around, the crop follows the model's own crop rule, so that the
/// answer is the one that validation scores.
#[test]
fn every_convention_of_box_gives_the_answer_that_validation_scores() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = small_config();
    config.data.rendered.train = 400;
    config.train.epochs = 6;
    train(&config, folder.path());
    let landmarker = Landmarker::load(folder.path().join("best.safetensors")).unwrap();
    let options = DetectOptions {
        refine: Refine::Never,
        ..DetectOptions::default()
    };
    let landmarker = landmarker.with_options(options).unwrap();
    let task = &landmarker.card().task;
    for sample in photographs() {
        let bounds = sample.keypoints.bounding_box().unwrap();
        let around = FaceBox::keypoints(bounds);
        let found = landmarker.detect_in(&sample.image, &around).unwrap();
        for convention in [BoxConvention::Face, BoxConvention::Crop] {
            let converted = task.crop.convert(&around, convention).unwrap();
            let other = landmarker.detect_in(&sample.image, &converted).unwrap();
            let apart = farthest(found.positions(), other.positions());
            assert!(
                apart < 0.02 * bounds.longer_side(),
                "{convention:?}: {apart} px"
            );
        }
        // The crop by itself is what `detect` takes.
        let square = task.crop.square_of(&around).unwrap();
        let (crop, crop_from_image) = task.input.crop(&sample.image, &square).unwrap();
        let in_crop = landmarker.detect(&crop).unwrap();
        let mapped = found.positions().map(&crop_from_image);
        assert!(farthest(&mapped, in_crop.positions()) < 1e-2);
    }
    let flat = FaceBox::face(BoundingBox::from_image_edges(3.0, 3.0, 0.0, 5.0));
    let error = landmarker
        .detect_in(&photographs()[0].image, &flat)
        .unwrap_err();
    assert!(error.to_string().contains("no area"), "{error}");
}

fn farthest(a: &Keypoints, b: &Keypoints) -> f64 {
    let distances = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| f64::from(a.distance(b)));
    distances.fold(0.0, f64::max)
}
