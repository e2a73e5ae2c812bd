//! Comparison with the images of OpenCV and the keypoints of albumentations. `golden/make.py` wrote
//! `golden.json`.

use crate::support::texture;
use fkp_augment::{
    Filter, FlipHorizontal, FlipVertical, GeometricStep, Projective, RandomAffine, Range, Recipe,
    Replay, Resize, Sampling, Transform,
};
use fkp_core::{Affine, Border, Purpose, Schema, rng_for};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    opencv: String,
    albumentations: String,
    source: (usize, usize),
    size: (usize, usize),
    images: Vec<Image>,
    conventions: Conventions,
}

#[derive(Deserialize)]
struct Image {
    kind: String,
    channels: usize,
    matrix: Vec<[f64; 3]>,
    pixels: Vec<u8>,
}

#[derive(Deserialize)]
struct Conventions {
    keypoints: Vec<(f64, f64)>,
    moved: BTreeMap<String, Vec<(f64, f64)>>,
}

fn golden() -> Golden {
    let golden: Golden = serde_json::from_str(include_str!("golden/golden.json")).unwrap();
    assert!(golden.opencv.starts_with("5.") && golden.albumentations == "2.0.8");
    golden
}

/// Bilinear with mirrored borders: images differ by at most one gray level, also at the border.
#[test]
fn affine_and_perspective_images_are_those_of_opencv() {
    let golden = golden();
    let sampling = Sampling {
        border: Border::Reflect101,
        interpolation: Filter::Bilinear,
    };
    for image in &golden.images {
        let rows = &image.matrix;
        let size = golden.size;
        let step = match image.kind.as_str() {
            "affine" => GeometricStep::new(Affine::new([rows[0], rows[1]]).unwrap(), size),
            _ => GeometricStep::new(Projective::new([rows[0], rows[1], rows[2]]).unwrap(), size),
        };
        let mut replay = Replay::nothing(golden.source, sampling);
        replay.push(step);
        let ours = replay.image(&texture(golden.source, image.channels));
        let pairs = ours.as_bytes().iter().zip(&image.pixels);
        let differences: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
        let worst = differences.iter().max().unwrap();
        let other = differences.iter().filter(|d| **d > 0).count();
        assert!(*worst <= 1, "{} {}: {worst}", image.kind, image.channels);
        assert!(other * 20 < differences.len(), "{other} pixels differ");
    }
}

/// Flips, rotation, shift and scale about the center agree with albumentations to 1e-4 px. Its
/// `Resize` multiplies pixel-center coordinates by the factor, while the pixels (OpenCV's
/// `resize`) move edge to edge: its keypoints are off by `(1 − s)/2` px, a quarter at half size.
#[test]
fn keypoints_are_those_of_albumentations_except_in_resize() {
    let golden = golden();
    let affine = Transform::RandomAffine;
    let identity = RandomAffine::default();
    for (name, theirs) in &golden.conventions.moved {
        let (transform, offset) = match name.as_str() {
            "flip_horizontal" => (Transform::from(FlipHorizontal {}), 0.0),
            "flip_vertical" => (Transform::from(FlipVertical {}), 0.0),
            "affine_20" => (
                affine(RandomAffine {
                    rotation_deg: Range::exactly(20.0),
                    ..identity
                }),
                0.0,
            ),
            "affine_shift" => (
                affine(RandomAffine {
                    shift_x_px: Range::exactly(3.0),
                    shift_y_px: Range::exactly(-2.0),
                    ..identity
                }),
                0.0,
            ),
            "affine_scale" => (
                affine(RandomAffine {
                    scale: Range::exactly(1.5),
                    ..identity
                }),
                0.0,
            ),
            "resize_half" => (
                Transform::from(Resize {
                    width: 24,
                    height: 20,
                }),
                0.25,
            ),
            other => panic!("{other}"),
        };
        let augment = Recipe::of([transform])
            .compile(&Schema::kaggle15())
            .unwrap();
        let mut rng = rng_for(0, Purpose::Augment, 0, 0);
        let replay = augment.sample(golden.source, &mut rng);
        for (&(x, y), theirs) in golden.conventions.keypoints.iter().zip(theirs) {
            let ours = replay.point(x, y);
            let near = |ours: f64, theirs: f64| (ours + offset - theirs).abs() < 1e-4;
            assert!(
                near(ours.0, theirs.0) && near(ours.1, theirs.1),
                "{name}: {ours:?} {theirs:?}"
            );
        }
    }
}
