//! Photometric transforms keep keypoints and sizes, and give the same for `u8` and `f32`.

use crate::support::{photometric, symmetric, texture};
use fkp_augment::{
    ClaheStep, CoarseDropoutStep, ContrastStep, DownscaleStep, EqualizeStep, Fill,
    GaussianBlurStep, GeometricStep, GrayStep, HueSaturationStep, InvertStep, JpegStep,
    LightGradientStep, MedianBlurStep, MotionBlurStep, Range, Raster, Recipe, Replay,
    SaltAndPepper, Sampling, ShadowStep, SharpenStep, StandardizeStep, Step, Transform,
};
use fkp_core::{Augment, Image, Keypoint, Keypoints, Purpose, Sample, Schema, Visibility, rng_for};
use image::{ExtendedColorType, ImageEncoder};

fn sample(transform: &Transform, size: (usize, usize), index: u64) -> Replay {
    let recipe = Recipe::of([transform.clone()]);
    let augment = recipe.compile(&Schema::kaggle15()).unwrap();
    augment.sample(size, &mut rng_for(3, Purpose::Augment, 0, index))
}

fn only(step: impl Into<Step>, size: (usize, usize)) -> Replay {
    let mut replay = Replay::nothing(size, Sampling::default());
    replay.push(step);
    replay
}

#[test]
fn bytes_and_floats_give_the_same_image() {
    for transform in photometric() {
        for channels in 1..=4 {
            let bytes = texture((37, 29), channels);
            let floats = bytes.as_bytes().iter().map(|b| f32::from(*b) / 255.0);
            let floats = Raster::new(37, 29, channels, floats.collect()).unwrap();
            let replay = sample(&transform, (37, 29), 1);
            let (bytes, floats) = (replay.image(&bytes), replay.image(&floats));
            assert_eq!((bytes.size(), bytes.channels()), ((37, 29), channels));
            let pairs = bytes.as_bytes().iter().zip(floats.as_slice());
            let errors: Vec<f32> = pairs
                .map(|(b, f)| (f32::from(*b) - f * 255.0).abs())
                .collect();
            let mean = errors.iter().sum::<f32>() / errors.len() as f32;
            // Intermediate bytes are rounded, so a few coefficients of a JPEG are rounded
            // differently.
            assert!(mean < 0.6, "{transform:?} with {channels} channels: {mean}");
            let inside = floats.as_slice().iter().all(|v| (0.0..=1.0).contains(v));
            assert!(inside, "{transform:?}");
        }
    }
}

#[test]
fn images_change_and_keypoints_stay() {
    let schema = Schema::kaggle15();
    let face: Keypoints = (0..15)
        .map(|i| Keypoint::new(i as f32 * 2.0, 20.0))
        .collect();
    for transform in photometric() {
        let augment = Recipe::of([transform.clone()]).compile(&schema).unwrap();
        let before = Sample::new("a", texture((40, 32), 3), face.clone());
        let after = augment
            .apply(before.clone(), &mut rng_for(3, Purpose::Augment, 0, 0))
            .unwrap();
        assert_ne!(after.image, before.image, "{transform:?}");
        for (a, b) in after.keypoints.iter().zip(face.iter()) {
            assert_eq!((a.x, a.y), (b.x, b.y), "{transform:?}");
            let covers = matches!(transform, Transform::CoarseDropout(_));
            assert!(covers || a.visibility == b.visibility, "{transform:?}");
        }
    }
}

#[test]
fn covered_keypoints_are_occluded_not_removed() {
    let schema = symmetric("four", 4);
    let replay = only(
        CoarseDropoutStep {
            x: 10,
            y: 5,
            width: 4,
            height: 3,
            fill: Fill::Constant(1.0),
            seed: 0,
        },
        (30, 20),
    );
    let mut keypoints = Keypoints::from_xy(&[[9.4, 6.0], [9.6, 6.0], [13.4, 7.4], [12.0, 6.0]]);
    keypoints[3] = Keypoint::unlabeled();
    let moved = replay.keypoints(&keypoints, &schema).unwrap();
    let seen: Vec<_> = moved.iter().map(|p| p.visibility).collect();
    use Visibility::{Occluded, Unlabeled, Visible};
    assert_eq!(seen, [Visible, Occluded, Occluded, Unlabeled]);
    let image = replay.image(&Image::filled(30, 20, 1, 7));
    let white = |x, y| image.pixel(x, y)[0] == 255;
    assert!(white(10, 5) && white(13, 7) && !white(9, 6) && !white(14, 6) && !white(11, 8));
    assert_eq!(image.as_bytes().iter().filter(|v| **v == 255).count(), 12);
}

/// Whether a keypoint is covered depends on its position at that step.
#[test]
fn covering_and_moving_are_applied_in_order() {
    let schema = symmetric("one", 1);
    let cover = CoarseDropoutStep {
        x: 0,
        y: 0,
        width: 5,
        height: 5,
        fill: Fill::Noise,
        seed: 1,
    };
    let map = fkp_core::Affine::flip_horizontal(20);
    let flip = GeometricStep::new(map, (20, 20));
    let keypoint = Keypoints::from_xy(&[[2.0, 2.0]]);
    let visibility = |steps: [Step; 2]| {
        let mut replay = Replay::nothing((20, 20), Sampling::default());
        steps.into_iter().for_each(|step| replay.push(step));
        replay.keypoints(&keypoint, &schema).unwrap()[0].visibility
    };
    assert_eq!(
        visibility([cover.into(), flip.into()]),
        Visibility::Occluded
    );
    assert_eq!(visibility([flip.into(), cover.into()]), Visibility::Visible);
}

#[test]
fn blurs_keep_a_constant_image_and_the_total_light() {
    let steps: [Step; 5] = [
        GaussianBlurStep { sigma_px: 1.5 }.into(),
        MotionBlurStep {
            length_px: 7.0,
            angle_deg: 30.0,
        }
        .into(),
        MedianBlurStep { radius_px: 2 }.into(),
        SharpenStep { amount: 2.0 }.into(),
        DownscaleStep { factor: 0.4 }.into(),
    ];
    for step in steps {
        for channels in [1, 3] {
            let flat = Image::filled(23, 17, channels, 99);
            assert_eq!(only(step.clone(), (23, 17)).image(&flat), flat, "{step:?}");
        }
    }
    // A single bright pixel becomes a spot of the blur's standard deviation.
    let mut spot = ndarray::Array3::<f32>::zeros((41, 41, 1));
    spot[(20, 20, 0)] = 1.0;
    let blurred = only(GaussianBlurStep { sigma_px: 2.0 }, (41, 41)).image(&spot);
    let light: f32 = blurred.sum();
    let spread: f32 = blurred
        .indexed_iter()
        .map(|((_, x, _), v)| v * (x as f32 - 20.0).powi(2))
        .sum();
    assert!(
        (light - 1.0).abs() < 1e-4 && (spread.sqrt() - 2.0).abs() < 0.03,
        "{spread}"
    );
}

#[test]
fn histogram_steps_change_the_distribution_as_documented() {
    let dull = texture((64, 64), 1);
    let dull = only(ContrastStep { factor: 0.3 }, (64, 64)).image(&dull);
    let spread = |image: &Image| {
        let (low, high) = (image.as_bytes().iter().min(), image.as_bytes().iter().max());
        high.unwrap() - low.unwrap()
    };
    assert!(spread(&dull) < 90);
    assert_eq!(spread(&only(EqualizeStep {}, (64, 64)).image(&dull)), 255);
    let clahe = ClaheStep {
        clip: 4.0,
        tiles: 4,
    };
    assert!(spread(&only(clahe, (64, 64)).image(&dull)) > 120);
    let standard = StandardizeStep {
        mean: 0.5,
        std: 0.2,
    };
    let values: Vec<f64> = only(standard, (64, 64))
        .image(&dull)
        .as_bytes()
        .iter()
        .map(|v| f64::from(*v) / 255.0)
        .collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
    assert!((mean - 0.5).abs() < 0.01 && (variance.sqrt() - 0.2).abs() < 0.01);
}

#[test]
fn hue_and_saturation_change_as_documented() {
    let red = Image::new(1, 1, 3, vec![200, 0, 0]).unwrap();
    let changed = |hue_deg, saturation| {
        let step = HueSaturationStep {
            hue_deg,
            saturation,
        };
        only(step, (1, 1)).image(&red).into_bytes()
    };
    assert_eq!(changed(120.0, 1.0), [0, 200, 0]);
    assert_eq!(changed(-120.0, 1.0), [0, 0, 200]);
    assert_eq!(changed(60.0, 1.0), [200, 200, 0]);
    assert_eq!(changed(0.0, 0.5), [200, 100, 100]);
    let gray = only(GrayStep {}, (1, 1)).image(&red).into_bytes();
    assert_eq!(gray, [60, 60, 60]);
    assert_eq!(
        only(InvertStep {}, (1, 1)).image(&red).into_bytes(),
        [55, 255, 255]
    );
}

#[test]
fn a_jpeg_of_quality_100_is_nearly_lossless_and_one_of_5_is_not() {
    let image = texture((50, 41), 3);
    let error = |quality| {
        let out = only(JpegStep { quality }, (50, 41)).image(&image);
        let pairs = out.as_bytes().iter().zip(image.as_bytes());
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / (50.0 * 41.0 * 3.0)
    };
    assert!(error(100) < 1.0, "{}", error(100));
    assert!(error(5) > 5.0, "{}", error(5));
}

/// The codec of the `image` crate gives the same artifacts.
#[test]
fn jpeg_artifacts_are_those_of_a_codec() {
    use image::codecs::jpeg::JpegEncoder;
    for (channels, color) in [(1, ExtendedColorType::L8), (3, ExtendedColorType::Rgb8)] {
        let before = texture((50, 41), channels);
        for quality in [10, 40, 75, 95] {
            let mut coded = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut coded, quality);
            encoder
                .write_image(before.as_bytes(), 50, 41, color)
                .unwrap();
            let theirs = Image::from(image::load_from_memory(&coded).unwrap());
            let step = JpegStep {
                quality: quality.into(),
            };
            let ours = only(step, (50, 41)).image(&before);
            let mean = |a: &Image, b: &Image| {
                let pairs = a.as_bytes().iter().zip(b.as_bytes());
                let sum: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
                sum / a.as_bytes().len() as f64
            };
            let (loss, own) = (mean(&theirs, &before), mean(&ours, &before));
            let about = format!("{channels} channels, quality {quality}: {own} and {loss}");
            assert!((own - loss).abs() < 0.05 + 0.05 * loss, "{about}");
            // The codec computes in integers, so some coefficients are rounded differently.
            let apart = mean(&theirs, &ours);
            assert!(apart < 0.3 + 0.15 * loss, "{about}, apart {apart}");
        }
    }
}

#[test]
fn a_shadow_darkens_one_side() {
    let step = ShadowStep {
        through: (0.5, 0.5),
        angle_deg: 0.0,
        strength: 0.5,
        softness: 0.05,
    };
    let lit = only(step, (40, 40)).image(&Image::filled(40, 40, 1, 200));
    assert_eq!((lit.pixel(2, 20)[0], lit.pixel(37, 20)[0]), (200, 100));
    let gradient = LightGradientStep {
        angle_deg: 90.0,
        strength: 0.2,
    };
    let lit = only(gradient, (41, 41)).image(&Image::filled(41, 41, 1, 100));
    assert!(lit.pixel(20, 0)[0] >= 119 && lit.pixel(20, 40)[0] <= 81);
    assert_eq!(lit.pixel(20, 20)[0], 100);
}

#[test]
fn some_pixels_become_salt_and_pepper() {
    let transform = Transform::from(SaltAndPepper {
        fraction: Range::exactly(0.2),
    });
    let noisy = sample(&transform, (100, 100), 0).image(&Image::filled(100, 100, 1, 90));
    let count = |value: u8| noisy.as_bytes().iter().filter(|v| **v == value).count();
    assert!((900..1100).contains(&count(0)) && (900..1100).contains(&count(255)));
    assert_eq!(count(0) + count(255) + count(90), 10_000);
}
