//! The face detector: scales, sizes of all kinds, models that are refused.

use super::*;
use crate::{NetworkConfig, Precision, Pretrained, PyramidConfig};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder, VarMap};
use fkp_core::{InputSpec, Schema};

/// A detector with random weights that finds something everywhere.
fn detector() -> FaceDetector {
    let config = PyramidConfig {
        channels: vec![4, 6, 8],
        residual_blocks: vec![0, 0, 1],
        width: 8,
        head_convs: 1,
    };
    let mut card = ModelCard::new(
        NetworkConfig::Pyramid(config),
        Schema::boxes(),
        InputSpec::gray(64),
    );
    card.task.output = OutputSpec::Boxes { stride: 8 };
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    card.network(vb).unwrap();
    let weights = vars.data().lock().unwrap().clone().into_iter();
    let weights = weights.map(|(name, var)| (name, var.as_tensor().clone()));
    let bytes = card.to_bytes(&weights.collect(), Precision::F32).unwrap();
    let all = DetectorOptions {
        min_score: 0.0,
        ..DetectorOptions::default()
    };
    let detector = FaceDetector::from_bytes(&bytes).unwrap();
    detector.with_options(all).unwrap()
}

#[test]
fn images_of_any_size_give_boxes_inside_them() {
    let detector = detector();
    let long = [(2000, 30), (65_535, 1), (1, 65_535)];
    let sizes = [(1, 1), (1, 900), (70, 64), (320, 240)];
    for (width, height) in sizes.into_iter().chain(long) {
        for channels in [1, 3] {
            let image = Image::filled(width, height, channels, 77);
            let found = detector.detect(&image).unwrap();
            for found in &found {
                let (x, y) = found.bounds.center();
                assert!(
                    (-0.5..width as f64 - 0.5).contains(&x),
                    "{width}×{height}: {x}"
                );
                assert!(
                    (-0.5..height as f64 - 0.5).contains(&y),
                    "{width}×{height}: {y}"
                );
                assert!(found.bounds.is_usable());
            }
            assert!(width < 300 || height < 200 || !found.is_empty());
            // The same from a plan that was used before.
            assert_eq!(detector.detect(&image).unwrap(), found);
        }
    }
}

/// The network is traced for one size only.
#[test]
fn the_plan_of_any_size_computes_what_the_network_does() {
    let file = ModelFile::pretrained_detector(PretrainedDetector::default()).unwrap();
    let network = file.network(&Device::Cpu).unwrap();
    let plans = Plans::new(&file, 32).unwrap();
    for (width, height) in [(32, 32), (96, 64), (160, 224)] {
        let images = Tensor::rand(0f32, 1.0, (2, 1, height, width), &Device::Cpu).unwrap();
        let expected = network.forward_t(&images, false).unwrap();
        let plan = plans.of_size((width, height)).unwrap();
        let found = plan.forward(&images).unwrap();
        assert_eq!(found.dims(), expected.dims());
        assert_eq!(plan.output_shape(), &expected.dims()[1..]);
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in values(&found).iter().zip(values(&expected)) {
            assert!((found - expected).abs() < 2e-3, "{found}, {expected}");
        }
    }
}

#[test]
fn the_scales_follow_the_smallest_face() {
    let options = |min_face_px, max_side| DetectorOptions {
        min_face_px,
        max_side,
        min_score: 0.1,
    };
    let scales = |options: DetectorOptions, size| options.scales(size).collect::<Vec<f64>>();
    assert_eq!(scales(options(16.0, 640), (320, 200)), [1.0, 0.5, 0.25]);
    assert_eq!(
        scales(options(16.0, 640), (1280, 200)),
        [0.5, 0.25, 0.125, 0.0625]
    );
    assert_eq!(scales(options(32.0, 640), (320, 200)), [0.5, 0.25]);
    assert_eq!(scales(options(8.0, 640), (100, 200)), [2.0, 1.0, 0.5]);
    assert_eq!(scales(options(16.0, 640), (1, 1)), [1.0]);
}

#[test]
fn an_image_is_converted_resized_and_padded() {
    let rows = |from: usize| (0..6).map(move |x| (from + 10 * x) as u8);
    let color = |value: u8| [value; 3];
    let bytes: Vec<u8> = rows(0).chain(rows(20)).flat_map(color).collect();
    let image = Image::new(6, 2, 3, bytes).unwrap();
    let gray = resize(&image, (6, 2), &InputSpec::gray(64));
    assert_eq!(gray, image.to_gray());
    // Each of 2×2.
    let half = resize(&image, (3, 1), &InputSpec::gray(64));
    assert_eq!(half.as_bytes(), &[15, 35, 55]);
    assert_eq!(resize(&gray, (3, 1), &InputSpec::gray(64)), half);
    // Edges onto edges.
    let twice = resize(&image, (12, 4), &InputSpec::gray(64));
    assert_eq!(twice.pixel(0, 0), &[0]);
    assert_eq!(twice.pixel(11, 3), &[70]);
    assert_eq!(pad(&half, (3, 1)).as_ref(), &half);
    assert_eq!(
        pad(&half, (5, 2)).as_bytes(),
        &[15, 35, 55, 0, 0, 0, 0, 0, 0, 0]
    );
}

#[test]
fn invalid_options_and_models_for_keypoints_are_refused() {
    let detector = detector();
    let refused = |options: DetectorOptions| {
        let refused = detector.with_options(options).unwrap_err();
        refused.to_string()
    };
    let valid = DetectorOptions::default();
    let nan = DetectorOptions {
        min_face_px: f64::NAN,
        ..valid
    };
    assert!(refused(nan).contains("min_face_px"));
    let small = DetectorOptions {
        max_side: 8,
        ..valid
    };
    assert!(refused(small).contains("max_side"));
    let score = DetectorOptions {
        min_score: 1.5,
        ..valid
    };
    assert!(refused(score).contains("min_score"));
    let keypoints = ModelFile::pretrained(Pretrained::default()).unwrap();
    let refused = FaceDetector::from_model_file(keypoints).unwrap_err();
    assert!(refused.to_string().contains("Landmarker"), "{refused}");
}

#[test]
fn images_without_content_and_of_a_hundred_megapixels_are_no_error() {
    let detector = FaceDetector::pretrained().unwrap();
    for image in [
        Image::filled(300, 200, 3, 0),
        Image::filled(300, 200, 3, 255),
        Image::filled(10_000, 10_000, 1, 128),
    ] {
        assert_eq!(detector.detect(&image).unwrap(), []);
    }
    let mut noise = Image::filled(300, 200, 1, 0);
    for (i, value) in noise.as_bytes_mut().iter_mut().enumerate() {
        *value = (i.wrapping_mul(2_654_435_761) >> 13) as u8;
    }
    detector.detect(&noise).unwrap();
}
