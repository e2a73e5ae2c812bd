//! Landmarkers from model files, intact and damaged.

use super::*;
use crate::{CnnConfig, NetworkConfig, Precision, PretrainedDetector};
use candle_core::DType;
use fkp_core::{
    BoundingBox, BoxConvention, Detection, Detector, InputSpec, Likelihood, OutputSpec,
};
use std::collections::BTreeMap;

/// A tiny network whose dense layer is zero except for its bias: it always outputs (0.5, −0.5).
fn constant_model() -> (ModelCard, BTreeMap<String, Tensor>) {
    let network = NetworkConfig::Cnn(CnnConfig {
        conv_channels: vec![2],
        dense: vec![],
        ..CnnConfig::default()
    });
    let schema = Schema::numbered("one", 1).unwrap();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let weights = BTreeMap::from([
        ("conv0.weight".to_owned(), zeros(&[2, 1, 3, 3])),
        ("conv0.bias".to_owned(), zeros(&[2])),
        ("dense0.weight".to_owned(), zeros(&[2, 32])),
        (
            "dense0.bias".to_owned(),
            Tensor::new(&[0.5f32, -0.5], &Device::Cpu).unwrap(),
        ),
    ]);
    (ModelCard::new(network, schema, InputSpec::gray(8)), weights)
}

fn write_model(path: &Path, card: &ModelCard, weights: &BTreeMap<String, Tensor>) {
    let bytes = card.to_bytes(weights, Precision::F32).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn keypoints_come_back_in_pixels_of_the_image() {
    let (card, weights) = constant_model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    write_model(&path, &card, &weights);
    let landmarker = Landmarker::load(&path).unwrap();
    assert_eq!(landmarker.card(), &card);
    // u = 0.5 lies three quarters across: 300 · 0.75 − 0.5, also in a color image.
    let face = landmarker.detect(&Image::filled(300, 300, 3, 9)).unwrap();
    let keypoints = face.positions();
    assert!((keypoints[0].x - 224.5).abs() < 1e-3 && (keypoints[0].y - 74.5).abs() < 1e-3);
    // An image that is not square is cropped to the square around it.
    let face = landmarker.detect(&Image::filled(100, 300, 1, 9)).unwrap();
    let keypoints = face.positions();
    assert!((keypoints[0].x - 124.5).abs() < 1e-3 && (keypoints[0].y - 74.5).abs() < 1e-3);
    let crops = [Image::filled(9, 9, 1, 0), Image::filled(300, 300, 3, 9)];
    let faces = landmarker.detect_batch(&crops).unwrap();
    assert!((faces[0].positions()[0].x - (9.0 * 0.75 - 0.5)).abs() < 1e-4);
    assert_eq!(faces[1], landmarker.detect(&crops[1]).unwrap());
    assert!(landmarker.detect_batch(&[]).unwrap().is_empty());
    // The schema of one numbered keypoint does not support face boxes.
    let bounds = BoundingBox::from_image_edges(10.0, 20.0, 40.0, 40.0);
    let image = Image::filled(100, 100, 1, 9);
    assert!(
        landmarker
            .detect_in(&image, &FaceBox::face(bounds))
            .is_err()
    );
    let face = landmarker
        .detect_in(&image, &FaceBox::crop(bounds))
        .unwrap();
    let found = face.keypoints().next().unwrap();
    assert!(found.name == "0" && found.sigma.is_nan());
    assert!((found.x - 39.5).abs() < 1e-4 && (found.y - 29.5).abs() < 1e-4);
    let text = format!("{landmarker:?}");
    assert!(
        text.contains("\"one\"") && text.contains("coordinates"),
        "{text}"
    );
}

#[test]
fn a_model_goes_on_without_its_face_score() {
    let (mut card, mut weights) = constant_model();
    card.task.output = OutputSpec::CoordinatesWithScale {
        likelihood: Likelihood::Laplace,
        face_score: true,
    };
    card.task.score_threshold = Some(0.3);
    let zeros = Tensor::zeros((4, 32), DType::F32, &Device::Cpu).unwrap();
    weights.insert("dense0.weight".to_owned(), zeros);
    let bias = Tensor::new(&[0.5f32, -0.5, -2.0, 1.0], &Device::Cpu).unwrap();
    weights.insert("dense0.bias".to_owned(), bias);
    let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
    let file = || ModelFile::parse(Path::new("m"), &bytes).unwrap();
    let detect = |file| {
        let landmarker = Landmarker::from_model_file(file).unwrap();
        let face = landmarker.detect(&Image::filled(8, 8, 1, 90)).unwrap();
        (face, landmarker.score_threshold())
    };
    let (with, threshold) = detect(file());
    assert!(with.score().is_some() && threshold == Some(0.3));
    let (without, threshold) = detect(file().without_face_score().unwrap());
    assert!(without.score().is_none() && threshold.is_none());
    assert_eq!(with.positions(), without.positions());
    assert_eq!(with.sigmas(), without.sigmas());
    // The weights do not match the card.
    let mut broken = file();
    broken.card.task.schema = Schema::numbered("two", 2).unwrap();
    assert!(broken.without_face_score().is_err());
}

/// Half the resolution of the crop, twice the standard deviation in pixels of the image.
#[test]
fn standard_deviations_are_in_pixels_of_the_image() {
    let (mut card, mut weights) = constant_model();
    let likelihood = Likelihood::Gaussian;
    let face_score = true;
    card.task.output = OutputSpec::CoordinatesWithScale {
        likelihood,
        face_score,
    };
    let zeros = Tensor::zeros((4, 32), DType::F32, &Device::Cpu).unwrap();
    weights.insert("dense0.weight".to_owned(), zeros);
    let bias = Tensor::new(&[0.5f32, -0.5, -2.0, 3f32.ln()], &Device::Cpu).unwrap();
    weights.insert("dense0.bias".to_owned(), bias);
    let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
    let landmarker = Landmarker::from_bytes(&bytes).unwrap();
    for side in [8, 100] {
        let face = landmarker.detect(&Image::filled(side, side, 1, 0)).unwrap();
        let sigma = face.keypoint("0").unwrap().sigma;
        let expected = side as f32 / 2.0 * (-2f32).exp();
        assert!((sigma / expected - 1.0).abs() < 1e-4, "{sigma} {expected}");
        assert!((face.score().unwrap() - 0.75).abs() < 1e-6);
    }
}

/// A model of 68 keypoints that always outputs the mean shape of its crops, with the scale −3.
fn mean_face_model() -> Landmarker {
    changed_mean_face_model([0.0; 2], 1.0)
}

/// The same, with the keypoints scaled about the center of the crop and moved by fractions of its side.
fn changed_mean_face_model(shift: [f64; 2], scale: f64) -> Landmarker {
    let (mut card, mut weights) = constant_model();
    let input = card.task.input;
    card.task = fkp_core::Task::new(Schema::ibug68(), input);
    let likelihood = Likelihood::Laplace;
    card.task.output = OutputSpec::CoordinatesWithScale {
        likelihood,
        face_score: false,
    };
    let zeros = Tensor::zeros((3 * 68, 32), DType::F32, &Device::Cpu).unwrap();
    weights.insert("dense0.weight".to_owned(), zeros);
    let schema = Schema::ibug68();
    let mean = schema.mean_shape().iter();
    let changed = |c: f64, shift: f64| 0.5 + (c - 0.5) * scale + shift;
    let mean = mean.flat_map(|[x, y]| [changed(*x, shift[0]), changed(*y, shift[1])]);
    let mut bias: Vec<f32> = mean.map(|c| (2.0 * c - 1.0) as f32).collect();
    bias.extend([-3.0; 68]);
    let bias = Tensor::new(bias, &Device::Cpu).unwrap();
    weights.insert("dense0.bias".to_owned(), bias);
    let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
    Landmarker::from_bytes(&bytes).unwrap()
}

/// The 15 keypoints are those of the 68, and their boxes and crops give the crops of the model.
#[test]
fn keypoints_of_another_schema_follow_from_those_of_the_model() {
    let all = mean_face_model();
    let some = all.with_schema(&Schema::kaggle15()).unwrap();
    assert_eq!(
        (all.schema(), some.schema()),
        (&Schema::ibug68(), &Schema::kaggle15())
    );
    let image = Image::filled(300, 300, 1, 9);
    let face_box = FaceBox::face(BoundingBox::from_image_edges(50.0, 60.0, 130.0, 170.0));
    let (face, mapped) = (
        all.detect_in(&image, &face_box).unwrap(),
        some.detect_in(&image, &face_box).unwrap(),
    );
    assert_eq!(face.crop(), mapped.crop());
    let [nose, found] = [face.keypoint("30"), mapped.keypoint("nose_tip")].map(Option::unwrap);
    assert_eq!(
        (nose.x, nose.y, nose.sigma),
        (found.x, found.y, found.sigma)
    );
    let eye = mapped.keypoint("left_eye_center").unwrap();
    let mean = (42..48).map(|i| face.positions()[i].x).sum::<f32>() / 6.0;
    assert!((eye.x - mean).abs() < 1e-3 && (eye.sigma / nose.sigma - 1.0).abs() < 1e-4);
    // The box around the 15 keypoints found gives the crop in which they were found.
    let bounds = mapped.positions().bounding_box().unwrap();
    let again = some.detect_in(&image, &FaceBox::keypoints(bounds)).unwrap();
    assert!((again.crop().side / mapped.crop().side - 1.0).abs() < 1e-4);
    // In an image that is a crop by the rule of the 15, the face has the size and the place of
    // its mean shape; the two mean shapes differ by less than 4 % of the side.
    let crop = some.detect(&Image::filled(96, 96, 1, 9)).unwrap();
    let mean_shape = Schema::kaggle15().mean_shape().to_vec();
    for (keypoint, [u, v]) in crop.positions().iter().zip(mean_shape) {
        let (x, y) = (u * 96.0 - 0.5, v * 96.0 - 0.5);
        let distance = (f64::from(keypoint.x) - x).hypot(f64::from(keypoint.y) - y);
        assert!(distance < 0.04 * 96.0, "{keypoint:?} is not near {x}, {y}");
    }
    // The model's own schema changes nothing.
    let same = all.with_schema(&Schema::ibug68()).unwrap();
    assert_eq!(same.detect_in(&image, &face_box).unwrap(), face);
    let error = all.with_schema(&Schema::aflw21()).unwrap_err().to_string();
    assert!(
        error.contains("ibug68") && error.contains("aflw21"),
        "{error}"
    );
}

/// A model that finds each keypoint 0.02 of the side too far right finds it in the right place on
/// average with the mirror image; and a box that is off is replaced by that of the keypoints.
#[test]
fn mirroring_and_a_second_crop_correct_constant_errors() {
    let all = mean_face_model();
    let options = DetectOptions {
        flip: true,
        ..DetectOptions::default()
    };
    let flipped = all.with_options(options).unwrap();
    let image = Image::filled(200, 200, 1, 9);
    let [once, twice] = [&all, &flipped].map(|model| model.detect(&image).unwrap());
    // The mean shape is its own mirror image.
    for (a, b) in once.positions().iter().zip(twice.positions().iter()) {
        assert!(a.distance(b) < 0.01, "{a:?} {b:?}");
    }
    assert_eq!(once.sigmas(), twice.sigmas());

    let (mut card, mut weights) = constant_model();
    card.task.schema = card.task.schema.with_flip_pairs(&[]).unwrap();
    let bias = Tensor::new(&[0.04f32, -0.5], &Device::Cpu).unwrap();
    weights.insert("dense0.bias".to_owned(), bias);
    let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
    let model = Landmarker::from_bytes(&bytes)
        .unwrap()
        .with_options(options)
        .unwrap();
    let found = model.detect(&image).unwrap().positions()[0];
    assert!((found.x - 99.5).abs() < 1e-3 && (found.y - 49.5).abs() < 1e-3);

    // The crop by the keypoints found is the crop in which they were found.
    let refined = DetectOptions {
        refine: Refine::Always,
        threads: Some(1),
        ..DetectOptions::default()
    };
    let refined = all.with_options(refined).unwrap();
    let face = refined.detect(&image).unwrap();
    assert!((face.crop().side / once.crop().side - 1.0).abs() < 1e-4);
    assert!(face.positions()[30].distance(&once.positions()[30]) < 0.05);

    let (card, weights) = constant_model();
    let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
    let unknown = Landmarker::from_bytes(&bytes)
        .unwrap()
        .with_options(options);
    assert!(unknown.unwrap_err().to_string().contains("flip pairs"));
}

/// The box of a detector is replaced by default where the crop by the keypoints is another one, but not by
/// one beside it; a box around keypoints and a crop never are.
#[test]
fn a_face_is_cropped_again_where_the_box_was_inexact() {
    use BoxConvention::{Crop, Face, Keypoints};
    let image = Image::filled(200, 200, 1, 9);
    let bounds = BoundingBox::from_image_edges(50.0, 40.0, 90.0, 118.0);
    for (refine, convention, shift, scale, expected) in [
        (Refine::Inexact, Face, [0.05, -0.05], 1.05, false),
        (Refine::Inexact, Face, [0.07, 0.0], 1.0, true),
        (Refine::Inexact, Face, [0.0, -0.07], 1.0, true),
        (Refine::Inexact, Face, [0.0, 0.0], 0.93, true),
        (Refine::Inexact, Face, [0.0, 0.0], 1.07, true),
        (Refine::Inexact, Face, [0.7, 0.0], 1.0, false),
        (Refine::Inexact, Keypoints, [0.3, 0.0], 1.0, false),
        (Refine::Inexact, Crop, [0.3, 0.0], 1.0, false),
        (Refine::Never, Face, [0.3, 0.0], 1.0, false),
        (Refine::Always, Keypoints, [0.01, 0.0], 1.0, true),
        (Refine::Always, Crop, [0.7, 0.0], 1.0, true),
    ] {
        let options = DetectOptions {
            refine,
            ..DetectOptions::default()
        };
        let model = changed_mean_face_model(shift, scale);
        let model = model.with_options(options).unwrap();
        let given = FaceBox { convention, bounds };
        let first = model.returned.square_of(&given).unwrap();
        let crop = model.detect_in(&image, &given).unwrap().crop();
        let is_same = (crop.center.0 - first.center.0).abs() < 1e-6
            && (crop.center.1 - first.center.1).abs() < 1e-6
            && (crop.side - first.side).abs() < 1e-6;
        assert_eq!(
            !is_same, expected,
            "{refine:?}, {convention:?}, {shift:?}, {scale}"
        );
    }
    let moved = changed_mean_face_model([0.3, 0.0], 1.0);
    let whole = moved.detect(&image).unwrap().crop();
    assert_eq!(whole, mean_face_model().detect(&image).unwrap().crop());
    // A face that is predicted twice does not change the others in the image.
    let model = changed_mean_face_model([0.07, 0.0], 1.0);
    let boxes = [Keypoints, Face, Keypoints].map(|convention| FaceBox { convention, bounds });
    let together = model.detect_in_boxes(&image, &boxes).unwrap();
    for (face, given) in together.iter().zip(&boxes) {
        assert_eq!(face, &model.detect_in(&image, given).unwrap());
    }
}

/// The face score is about the box that was given, however the keypoints were found.
#[test]
fn a_second_prediction_keeps_the_face_score_of_the_first() {
    let pixels = (0..120 * 120u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
    let image = Image::new(120, 120, 1, pixels.collect()).unwrap();
    let given = FaceBox::crop(BoundingBox::from_image_edges(10.0, 20.0, 90.0, 90.0));
    let [once, twice] = [Refine::Never, Refine::Always].map(|refine| {
        let options = DetectOptions {
            refine,
            ..DetectOptions::default()
        };
        let model = Landmarker::pretrained().unwrap().with_options(options);
        model.unwrap().detect_in(&image, &given).unwrap()
    });
    assert_ne!(once.positions(), twice.positions());
    assert_eq!(once.score(), twice.score());
}

/// Weights of two bytes are read as the nearest `f16` values.
#[test]
fn half_precision_halves_the_file_and_reads_back() {
    let (card, mut weights) = constant_model();
    let bias = Tensor::new(&[0.1f32, -0.3], &Device::Cpu).unwrap();
    weights.insert("dense0.bias".to_owned(), bias);
    let full = card.to_bytes(&weights, Precision::F32).unwrap();
    let half = card.to_bytes(&weights, Precision::F16).unwrap();
    assert!(
        half.len() + 2 * 60 < full.len(),
        "{} {}",
        half.len(),
        full.len()
    );
    let image = Image::filled(200, 200, 1, 7);
    let find = |bytes: &[u8]| {
        Landmarker::from_bytes(bytes)
            .unwrap()
            .detect(&image)
            .unwrap()
    };
    let (a, b) = (find(&full), find(&half));
    assert!(a.positions()[0].distance(&b.positions()[0]) < 0.1);
    assert_ne!(a, b);
}

#[test]
fn the_same_model_is_the_same_bytes() {
    let (card, weights) = constant_model();
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    write_model(&a, &card, &weights);
    write_model(&b, &card, &weights);
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
}

#[test]
fn invalid_files_are_refused_with_their_path() {
    let (card, weights) = constant_model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let refused = || match Landmarker::load(&path) {
        Ok(_) => panic!("an invalid file was accepted"),
        Err(error) => error,
    };

    assert!(matches!(refused(), ModelError::Io { .. }));
    write_model(&path, &card, &weights);
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 4, 8, 100, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = refused();
        assert!(
            matches!(error, ModelError::Corrupt { .. }),
            "{cut}: {error}"
        );
        assert!(error.to_string().contains("m.safetensors"));
    }

    candle_core::safetensors::save(&weights.clone().into_iter().collect(), &path).unwrap();
    assert!(matches!(refused(), ModelError::NoCard { .. }));

    let mut missing = weights.clone();
    missing.remove("conv0.bias");
    write_model(&path, &card, &missing);
    let text = refused().to_string();
    assert!(
        text.contains("`conv0.bias` should be [2], the file has none"),
        "{text}"
    );

    let mut other = card.clone();
    other.task.schema = Schema::numbered("two", 2).unwrap();
    write_model(&path, &other, &weights);
    let text = refused().to_string();
    assert!(
        text.contains("`dense0.weight` should be [4, 32], the file has [2, 32]"),
        "{text}"
    );

    let mut broken = weights.clone();
    let nan = Tensor::new(&[f32::NAN, 0.0], &Device::Cpu).unwrap();
    broken.insert("dense0.bias".to_owned(), nan);
    write_model(&path, &card, &broken);
    assert!(matches!(refused(), ModelError::NotFinite { .. }));

    for format in [1, 2] {
        let mut earlier = card.clone();
        earlier.format = format;
        write_model(&path, &earlier, &weights);
        let text = refused().to_string();
        assert!(
            text.contains(&format!("format {format};")) && text.contains("train the model again"),
            "{text}"
        );
    }

    let mut later = card.clone();
    later.format = 99;
    write_model(&path, &later, &weights);
    assert!(matches!(
        refused(),
        ModelError::UnknownFormat { found: 99, .. }
    ));
}

/// A detector that finds the same two faces in every image.
struct TwoFaces;

impl Detector for TwoFaces {
    fn detect(
        &self,
        image: &Image,
    ) -> Result<Vec<Detection>, Box<dyn std::error::Error + Send + Sync>> {
        if image.width() < 100 {
            return Err("the image is too small".into());
        }
        let face = |x, score| Detection {
            bounds: BoundingBox::from_image_edges(x, 30.0, 60.0, 80.0),
            score,
        };
        Ok(vec![face(20.0, 0.9), face(120.0, 0.6)])
    }
}

#[test]
fn faces_come_from_any_detector() {
    let landmarker = Landmarker::pretrained().unwrap().with_detector(TwoFaces);
    let image = Image::filled(200, 150, 3, 100);
    let faces = landmarker.detect_faces(&image).unwrap();
    let found: Vec<Detection> = faces.iter().filter_map(Face::detection).collect();
    assert_eq!(found, TwoFaces.detect(&image).unwrap());
    let boxes: Vec<FaceBox> = found.iter().map(|f| FaceBox::face(f.bounds)).collect();
    let in_boxes = landmarker.detect_in_boxes(&image, &boxes).unwrap();
    for (face, expected) in faces.iter().zip(&in_boxes) {
        assert_eq!(face.positions(), expected.positions());
        assert_eq!(expected.detection(), None);
    }
    let error = landmarker
        .detect_faces(&Image::filled(50, 50, 1, 0))
        .unwrap_err();
    assert!(format!("{error:?}").contains("too small"), "{error:?}");
    let detector = ModelFile::pretrained_detector(PretrainedDetector::default()).unwrap();
    let error = Landmarker::from_model_file(detector).unwrap_err();
    assert!(error.to_string().contains("FaceDetector"), "{error}");
}
