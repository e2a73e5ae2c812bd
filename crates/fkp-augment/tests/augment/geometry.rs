//! For every geometric transform: keypoints move with the image, and no keypoint is lost.

use crate::support::{
    any_affine, any_distortion, any_face, any_geometric, any_projective, centroid, dot, ramp,
    symmetric,
};
use fkp_augment::{
    CenterCrop, Compose, FaceBoxCrop, Filter, FlipHorizontal, FlipVertical, Invert,
    KeypointSafeCrop, Labels, Letterbox, Pad, Perspective, Pipeline, Recipe, Resize, Rotate90,
    Transform,
};
use fkp_core::{
    Augment, Border, BoundingBox, Keypoint, Keypoints, Purpose, Sample, Schema, Visibility, rng_for,
};
use proptest::prelude::*;

const SIZE: (usize, usize) = (97, 81);

fn pipeline(transforms: Vec<Transform>, border: Border, schema: &Schema) -> Pipeline {
    let recipe = Recipe {
        border,
        ..Recipe::of(transforms)
    };
    recipe.compile(schema).unwrap()
}

/// The bilinear value of a channel of the ramp image at a position inside it.
fn read(image: &fkp_augment::Raster<f32>, x: f64, y: f64, channel: usize) -> f64 {
    let (x0, y0) = (x.floor(), y.floor());
    let at = |i: f64, j: f64| f64::from(image.pixel(i as usize, j as usize)[channel]);
    let (fx, fy) = (x - x0, y - y0);
    let row = |j: f64| at(x0, j) * (1.0 - fx) + at(x0 + 1.0, j) * fx;
    row(y0) * (1.0 - fy) + row(y0 + 1.0) * fy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The centroid of a dot is where its keypoint was moved to.
    #[test]
    fn dot_follows_keypoint(
        transform in any_projective(), x in 35.0f64..60.0, y in 30.0f64..50.0, seed: u64,
    ) {
        // A strong perspective makes a dot visibly asymmetric.
        let transform = match transform {
            Transform::Perspective(Perspective { magnitude }) => {
                Perspective { magnitude: magnitude * 0.5 }.into()
            }
            transform => transform,
        };
        let schema = symmetric("dot", 3);
        let augment = pipeline(vec![transform], Border::Constant(0), &schema);
        // Two more keypoints, so that crops around the keypoints do not enlarge the dot too much.
        let keypoints = Keypoints::from_xy(&[[x as f32, y as f32], [15.0, 12.0], [82.0, 68.0]]);
        let sample = Sample::new("dot", dot(SIZE, x, y), keypoints);
        let augmented = augment.apply(sample, &mut rng_for(seed, Purpose::Augment, 0, 0)).unwrap();
        let keypoint = augmented.keypoints[0];
        let (w, h) = augmented.image.size();
        // A dot that is cut off has another centroid.
        let is_inside = |v: f32, side: usize| v > 14.0 && v < side as f32 - 15.0;
        prop_assume!(is_inside(keypoint.x, w) && is_inside(keypoint.y, h));
        let (cx, cy) = centroid(&augmented.image);
        prop_assert!((cx - f64::from(keypoint.x)).abs() < 0.1, "{cx} {keypoint:?}");
        prop_assert!((cy - f64::from(keypoint.y)).abs() < 0.1, "{cy} {keypoint:?}");
    }

    /// The same for several transforms, without the limits of a dot: each pixel of the image has
    /// its own position as its value, so the value at the new position of a point is the old one.
    #[test]
    fn the_value_at_a_moved_point_is_the_value_at_the_point(
        transforms in prop::collection::vec(any_geometric(), 1..4),
        x in 5.0f64..91.0, y in 5.0f64..75.0, seed: u64,
    ) {
        let schema = symmetric("dot", 1);
        let augment = pipeline(transforms, Border::Replicate, &schema);
        let face = Keypoints::from_xy(&[[20.0, 20.0]]);
        let labels = Labels { keypoints: Some(&face), ..Labels::default() };
        let replay = augment.sample_for(SIZE, labels, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let image = replay.image(&ramp(SIZE));
        prop_assert_eq!(image.size(), replay.size());
        let (u, v) = replay.point(x, y);
        let (w, h) = replay.size();
        prop_assume!(u > 1.0 && v > 1.0 && u < w as f64 - 2.0 && v < h as f64 - 2.0);
        // Between pixels a distortion is not linear. The map itself gives the error of
        // interpolating between the four pixels around the point.
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let around = corners.map(|(i, j)| replay.undo_point(u.floor() + i, v.floor() + j));
        let inside = |(x, y): (f64, f64)| x > 0.5 && y > 0.5 && x < 95.5 && y < 79.5;
        prop_assume!(around.into_iter().all(inside));
        let (fx, fy) = (u - u.floor(), v - v.floor());
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let mean = |axis: fn((f64, f64)) -> f64| -> f64 {
            around.iter().zip(weights).map(|(p, w)| w * axis(*p)).sum()
        };
        let nonlinearity = (mean(|p| p.0) - x).abs().max((mean(|p| p.1) - y).abs());
        prop_assert!((read(&image, u, v, 0) - x).abs() < 0.01 + nonlinearity, "{x}");
        prop_assert!((read(&image, u, v, 1) - y).abs() < 0.01 + nonlinearity, "{y}");
        prop_assert!(nonlinearity < 1.0);
    }

    #[test]
    fn dot_follows_keypoint_through_a_distortion(
        transform in any_distortion(), x in 35.0f64..60.0, y in 30.0f64..50.0, seed: u64,
    ) {
        let schema = symmetric("dot", 1);
        let augment = pipeline(vec![transform.clone()], Border::Constant(0), &schema);
        let replay = augment.sample(SIZE, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let keypoints = Keypoints::from_xy(&[[x as f32, y as f32]]);
        let keypoint = replay.keypoints(&keypoints, &schema).unwrap()[0];
        // The map is not linear, so the mean of the moved light is not the moved mean. The centroid
        // is compared with that of the moved light, computed by the map of the keypoints.
        let (mut sum, mut mx, mut my) = (0.0, 0.0, 0.0);
        let source = dot(SIZE, x, y);
        let image = replay.image(&source);
        for j in 0..SIZE.1 {
            for i in 0..SIZE.0 {
                let light = f64::from(source.pixel(i, j)[0]);
                if light == 0.0 { continue; }
                let (u, v) = replay.point(i as f64, j as f64);
                let area = |d: f64, e: f64| {
                    let (x, y) = (i as f64, j as f64);
                    let (a, b) = (replay.point(x + d, y + e), replay.point(x - d, y - e));
                    (a.0 - b.0, a.1 - b.1)
                };
                let (p, q) = (area(0.5, 0.0), area(0.0, 0.5));
                let light = light * (p.0 * q.1 - p.1 * q.0).abs();
                sum += light;
                mx += light * u;
                my += light * v;
            }
        }
        let (cx, cy) = centroid(&image);
        prop_assert!((cx - mx / sum).abs() < 0.1, "{cx} {}", mx / sum);
        prop_assert!((cy - my / sum).abs() < 0.1, "{cy} {}", my / sum);
        prop_assert!((keypoint.x - cx as f32).abs() < 1.5 && (keypoint.y - cy as f32).abs() < 1.5);
    }

    #[test]
    fn count_order_labels_and_frame(
        transforms in prop::collection::vec(any_geometric(), 1..4),
        face in any_face(SIZE), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let augment = pipeline(transforms, Border::Reflect, &schema);
        let labels = Labels { keypoints: Some(&face), ..Labels::default() };
        let replay = augment.sample_for(SIZE, labels, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let moved = replay.keypoints(&face, &schema).unwrap();
        let mut expected = face.clone();
        if replay.is_mirrored() {
            expected.swap_pairs(&schema).unwrap();
        }
        prop_assert_eq!(moved.len(), face.len());
        let (w, h) = replay.size();
        for (moved, before) in moved.iter().zip(expected.iter()) {
            prop_assert!(moved.x.is_finite() && moved.y.is_finite());
            if before.is_labeled() {
                let (x, y) = replay.point(before.x.into(), before.y.into());
                prop_assert!((f64::from(moved.x) - x).abs() < 1e-3 * (1.0 + x.abs()));
                prop_assert!((f64::from(moved.y) - y).abs() < 1e-3 * (1.0 + y.abs()));
                let inside = (-0.5..=w as f32 - 0.5).contains(&moved.x)
                    && (-0.5..=h as f32 - 0.5).contains(&moved.y);
                let visibility = if inside { before.visibility } else { Visibility::OutOfFrame };
                prop_assert_eq!(moved.visibility, visibility);
            } else {
                prop_assert_eq!(moved, before);
            }
        }
    }

    #[test]
    fn undo_gives_points_back(
        transforms in prop::collection::vec(any_geometric(), 1..4),
        face in any_face(SIZE), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let augment = pipeline(transforms, Border::Reflect, &schema);
        let labels = Labels { keypoints: Some(&face), ..Labels::default() };
        let replay = augment.sample_for(SIZE, labels, &mut rng_for(seed, Purpose::Augment, 0, 0));
        for keypoint in face.iter() {
            let (x, y) = replay.point(keypoint.x.into(), keypoint.y.into());
            let (x, y) = replay.undo_point(x, y);
            prop_assert!((x - f64::from(keypoint.x)).abs() < 1e-3, "{x} {keypoint:?}");
            prop_assert!((y - f64::from(keypoint.y)).abs() < 1e-3, "{y} {keypoint:?}");
        }
        let moved = replay.keypoints(&face, &schema).unwrap();
        let back = replay.undo_keypoints(&moved, &schema).unwrap();
        for (back, before) in back.iter().zip(face.iter()) {
            prop_assert_eq!(back.is_labeled(), before.is_labeled());
            prop_assert!(back.distance(before) < 1e-2, "{back:?} {before:?}");
        }
    }

    /// Steps that are applied separately move keypoints as the composed map does.
    #[test]
    fn the_composed_map_is_each_map_in_order(a in any_affine(), b in any_projective(), seed: u64) {
        let schema = Schema::kaggle15();
        let augment = pipeline(vec![a, b], Border::Replicate, &schema);
        let replay = augment.sample(SIZE, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let mut at = (30.0, 40.0);
        let mut size = SIZE;
        for step in replay.steps() {
            let mut one = fkp_augment::Replay::nothing(size, replay.sampling());
            one.push(step.clone());
            at = one.point(at.0, at.1);
            size = one.size();
        }
        prop_assert_eq!(size, replay.size());
        let whole = replay.point(30.0, 40.0);
        prop_assert!((whole.0 - at.0).abs() < 1e-6 && (whole.1 - at.1).abs() < 1e-6);
    }

    /// No valid recipe gives NaN or infinite values, whatever the border and the interpolation.
    #[test]
    fn no_value_is_nan(
        transforms in prop::collection::vec(any_geometric(), 1..4), seed: u64,
        border in prop_oneof![
            Just(Border::Constant(9)), Just(Border::Replicate), Just(Border::Reflect),
            Just(Border::Reflect101), Just(Border::Wrap),
        ],
        interpolation in prop_oneof![
            Just(Filter::Nearest), Just(Filter::Bilinear),
            Just(Filter::Bicubic), Just(Filter::Area),
        ],
        width in 1usize..12, height in 1usize..12,
    ) {
        let recipe = Recipe { border, interpolation, ..Recipe::of(transforms) };
        let augment = recipe.compile(&Schema::kaggle15()).unwrap();
        let replay = augment.sample((width, height), &mut rng_for(seed, Purpose::Augment, 0, 0));
        let image = replay.image(&ramp((width, height)));
        prop_assert!(image.as_slice().iter().all(|v| v.is_finite()));
        // Images of bytes have a path of their own, which must not panic on tiny images either.
        let gray = fkp_core::Image::filled(width, height, 3, 200);
        let moved = replay.image(&gray);
        let flat = !matches!(border, Border::Constant(_));
        prop_assert!(!flat || moved.as_bytes().iter().all(|v| *v == 200));
    }

    #[test]
    fn a_safe_crop_keeps_every_labeled_keypoint(
        face in any_face(SIZE), width in 20usize..100, height in 20usize..100,
        margin in 0.0f64..0.3, seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let crop = Transform::from(KeypointSafeCrop { width, height, margin });
        let sample = Sample::new("a", dot(SIZE, 10.0, 10.0), face);
        let augmented = pipeline(vec![crop], Border::Replicate, &schema)
            .apply(sample, &mut rng_for(seed, Purpose::Augment, 0, 0)).unwrap();
        prop_assert_eq!(augmented.image.size(), (width, height));
        for (_, keypoint) in augmented.keypoints.labeled() {
            prop_assert!(keypoint.visibility != Visibility::OutOfFrame, "{keypoint:?}");
        }
    }
}

fn moved(transform: Transform, size: (usize, usize), x: f64, y: f64) -> (f64, f64) {
    let augment = pipeline(vec![transform], Border::Replicate, &Schema::kaggle15());
    let mut rng = rng_for(0, Purpose::Augment, 0, 0);
    augment.sample(size, &mut rng).point(x, y)
}

/// The conventions in numbers: no transform is off by one or by half a pixel.
#[test]
fn flips_turns_and_resizes_use_pixel_centers() {
    let size = (10, 6);
    assert_eq!(
        moved(Transform::from(FlipHorizontal {}), size, 0.0, 2.0),
        (9.0, 2.0)
    );
    assert_eq!(
        moved(Transform::from(FlipVertical {}), size, 3.0, 0.0),
        (3.0, 5.0)
    );
    let turn = |turns| Transform::from(Rotate90 { turns: vec![turns] });
    // Counter-clockwise: the right edge becomes the top.
    assert_eq!(moved(turn(1), size, 9.0, 0.0), (0.0, 0.0));
    assert_eq!(moved(turn(1), size, 9.0, 5.0), (5.0, 0.0));
    assert_eq!(moved(turn(2), size, 0.0, 0.0), (9.0, 5.0));
    assert_eq!(moved(turn(3), size, 0.0, 0.0), (5.0, 0.0));
    let double = Transform::from(Resize {
        width: 20,
        height: 12,
    });
    assert_eq!(moved(double.clone(), size, -0.5, -0.5), (-0.5, -0.5));
    assert_eq!(moved(double, size, 9.5, 5.5), (19.5, 11.5));
    let crop = Transform::from(CenterCrop {
        width: 4,
        height: 4,
    });
    assert_eq!(moved(crop, size, 3.0, 1.0), (0.0, 0.0));
    let letterbox = Transform::from(Letterbox {
        width: 20,
        height: 20,
    });
    assert_eq!(moved(letterbox, size, -0.5, -0.5), (-0.5, 3.5));
}

#[test]
fn a_vertical_mirror_also_exchanges_left_and_right() {
    let schema = Schema::kaggle15();
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    for (transform, swapped) in [
        (Transform::from(FlipHorizontal {}), true),
        (Transform::from(FlipVertical {}), true),
        (Transform::from(Rotate90 { turns: vec![2] }), false),
        (
            Transform::from(Compose {
                transforms: vec![
                    Transform::from(FlipHorizontal {}),
                    Transform::from(FlipVertical {}),
                ],
            }),
            false,
        ),
    ] {
        let augment = pipeline(vec![transform.clone()], Border::Replicate, &schema);
        let replay = augment.sample((96, 96), &mut rng_for(0, Purpose::Augment, 0, 0));
        let (x, _) = replay.point(1.0, 20.0);
        let same = (f64::from(replay.keypoints(&face, &schema).unwrap()[0].x) - x).abs() < 1e-6;
        assert_eq!(same, swapped, "{transform:?}");
    }
}

/// A keypoint outside a crop stays `OutOfFrame` after a later pad, because the pixels are lost.
#[test]
fn a_keypoint_outside_a_crop_stays_out_of_frame() {
    let schema = symmetric("one", 1);
    let transforms = vec![
        Transform::from(CenterCrop {
            width: 10,
            height: 10,
        }),
        Transform::from(Invert {}), // separates the two: the crop is applied before the pad
        Transform::from(Pad {
            left: 10,
            top: 10,
            right: 10,
            bottom: 10,
        }),
    ];
    let replay = pipeline(transforms, Border::Constant(0), &schema)
        .sample((30, 30), &mut rng_for(0, Purpose::Augment, 0, 0));
    let moved = replay
        .keypoints(&Keypoints::from_xy(&[[2.0, 2.0]]), &schema)
        .unwrap();
    assert_eq!((moved[0].x, moved[0].y), (2.0, 2.0));
    assert_eq!(moved[0].visibility, Visibility::OutOfFrame);
    // The original image still has the pixels.
    let undone = replay.undo_keypoints(&moved, &schema).unwrap();
    assert_eq!(undone[0], Keypoint::new(2.0, 2.0));
}

#[test]
fn a_face_box_crop_centers_the_box() {
    let schema = symmetric("one", 1);
    let crop = Transform::from(FaceBoxCrop {
        side: 40,
        scale: fkp_augment::Range::exactly(2.0),
        shift: 0.0,
    });
    let augment = pipeline(vec![crop], Border::Replicate, &schema);
    let face = BoundingBox {
        x: 29.5,
        y: 19.5,
        width: 20.0,
        height: 16.0,
    };
    let labels = Labels {
        face_box: Some(&face),
        ..Labels::default()
    };
    let replay = augment.sample_for((100, 80), labels, &mut rng_for(0, Purpose::Augment, 0, 0));
    let moved = replay.bounding_box(&face);
    assert_eq!((moved.x, moved.width), (9.5, 20.0));
    assert_eq!((moved.y, moved.height), (11.5, 16.0));
}
