//! For every geometric transform: keypoints stay on what they mark, and nothing is lost on the way.

use crate::support::{
    any_affine, any_bend, any_face, any_geometric, any_straight, centroid, dot, ramp, symmetric,
};
use fkp_augment::{Filter, Pipeline, Recipe, Subject, Transform};
use fkp_core::{
    Augment, Border, BoundingBox, Keypoint, Keypoints, Purpose, Sample, Schema, Visibility, rng_for,
};
use proptest::prelude::*;

const SIZE: (usize, usize) = (97, 81);

fn pipeline(steps: Vec<Transform>, border: Border, schema: &Schema) -> Pipeline {
    let recipe = Recipe {
        border,
        ..Recipe::of(steps)
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

    /// A drawn dot is found, by its centroid, where its keypoint went.
    #[test]
    fn dot_follows_keypoint(step in any_straight(), x in 35.0f64..60.0, y in 30.0f64..50.0, seed: u64) {
        // Enlarged or shrunk by a perspective a dot is no longer round; a small one still is.
        let reach_less = match step {
            Transform::Perspective { magnitude } => Transform::Perspective { magnitude: magnitude * 0.5 },
            step => step,
        };
        let schema = symmetric("dot", 3);
        let augment = pipeline(vec![reach_less], Border::Constant(0), &schema);
        // Two more keypoints, so that crops about the keypoints do not blow up the dot.
        let keypoints = Keypoints::from_xy(&[[x as f32, y as f32], [15.0, 12.0], [82.0, 68.0]]);
        let sample = Sample::new("dot", dot(SIZE, x, y), keypoints);
        let varied = augment.apply(sample, &mut rng_for(seed, Purpose::Augment, 0, 0)).unwrap();
        let keypoint = varied.keypoints[0];
        let (w, h) = varied.image.size();
        // A dot that is cut off has its centroid elsewhere.
        let room = |v: f32, side: usize| v > 14.0 && v < side as f32 - 15.0;
        prop_assume!(room(keypoint.x, w) && room(keypoint.y, h));
        let (cx, cy) = centroid(&varied.image);
        prop_assert!((cx - f64::from(keypoint.x)).abs() < 0.1, "{cx} {keypoint:?}");
        prop_assert!((cy - f64::from(keypoint.y)).abs() < 0.1, "{cy} {keypoint:?}");
    }

    /// The same for whole chains, without the limits of a dot: each pixel says where it was, and
    /// at a keypoint's new place the image says the keypoint's old one.
    #[test]
    fn the_image_at_a_moved_point_is_what_was_at_the_point(
        steps in prop::collection::vec(any_geometric(), 1..4),
        x in 5.0f64..91.0, y in 5.0f64..75.0, seed: u64,
    ) {
        let schema = symmetric("dot", 1);
        let augment = pipeline(steps, Border::Replicate, &schema);
        let face = Keypoints::from_xy(&[[20.0, 20.0]]);
        let subject = Subject { keypoints: Some(&face), face_box: None };
        let replay = augment.sample_for(SIZE, subject, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let image = replay.image(&ramp(SIZE));
        prop_assert_eq!(image.size(), replay.size());
        let (u, v) = replay.point(x, y);
        let (w, h) = replay.size();
        prop_assume!(u > 1.0 && v > 1.0 && u < w as f64 - 2.0 && v < h as f64 - 2.0);
        // Between pixels a bent map is not linear; how far off the pixels around can be is seen
        // from the map itself.
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let around = corners.map(|(i, j)| replay.undo_point(u.floor() + i, v.floor() + j));
        let inside = |(x, y): (f64, f64)| x > 0.5 && y > 0.5 && x < 95.5 && y < 79.5;
        prop_assume!(around.into_iter().all(inside));
        let (fx, fy) = (u - u.floor(), v - v.floor());
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let mean = |axis: fn((f64, f64)) -> f64| -> f64 {
            around.iter().zip(weights).map(|(p, w)| w * axis(*p)).sum()
        };
        let bend = (mean(|p| p.0) - x).abs().max((mean(|p| p.1) - y).abs());
        prop_assert!((read(&image, u, v, 0) - x).abs() < 0.01 + bend, "{x}");
        prop_assert!((read(&image, u, v, 1) - y).abs() < 0.01 + bend, "{y}");
        prop_assert!(bend < 1.0);
    }

    #[test]
    fn dot_follows_keypoint_through_a_bend(
        step in any_bend(), x in 35.0f64..60.0, y in 30.0f64..50.0, seed: u64,
    ) {
        let schema = symmetric("dot", 1);
        let augment = pipeline(vec![step.clone()], Border::Constant(0), &schema);
        let replay = augment.sample(SIZE, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let keypoints = Keypoints::from_xy(&[[x as f32, y as f32]]);
        let keypoint = replay.keypoints(&keypoints, &schema).unwrap()[0];
        // Where the map is curved, the mean of the moved light is not the moved mean. The
        // comparison is with the moved light, worked out from the keypoints' map.
        let (mut sum, mut mx, mut my) = (0.0, 0.0, 0.0);
        let source = dot(SIZE, x, y);
        let image = replay.image(&source);
        for j in 0..SIZE.1 {
            for i in 0..SIZE.0 {
                let light = f64::from(source.pixel(i, j)[0]);
                if light == 0.0 { continue; }
                let (u, v) = replay.point(i as f64, j as f64);
                let area = |d: f64, e: f64| {
                    let (a, b) = (replay.point(i as f64 + d, j as f64 + e), replay.point(i as f64 - d, j as f64 - e));
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
        steps in prop::collection::vec(any_geometric(), 1..4), face in any_face(SIZE), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let augment = pipeline(steps, Border::Reflect, &schema);
        let subject = Subject { keypoints: Some(&face), face_box: None };
        let replay = augment.sample_for(SIZE, subject, &mut rng_for(seed, Purpose::Augment, 0, 0));
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
        steps in prop::collection::vec(any_geometric(), 1..4), face in any_face(SIZE), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let augment = pipeline(steps, Border::Reflect, &schema);
        let subject = Subject { keypoints: Some(&face), face_box: None };
        let replay = augment.sample_for(SIZE, subject, &mut rng_for(seed, Purpose::Augment, 0, 0));
        for keypoint in face.iter() {
            let (x, y) = replay.point(keypoint.x.into(), keypoint.y.into());
            let (x, y) = replay.undo_point(x, y);
            prop_assert!((x - f64::from(keypoint.x)).abs() < 1e-3, "{x} {keypoint:?}");
            prop_assert!((y - f64::from(keypoint.y)).abs() < 1e-3, "{y} {keypoint:?}");
        }
        let back = replay.undo_keypoints(&replay.keypoints(&face, &schema).unwrap(), &schema).unwrap();
        for (back, before) in back.iter().zip(face.iter()) {
            prop_assert_eq!(back.is_labeled(), before.is_labeled());
            prop_assert!(back.distance(before) < 1e-2, "{back:?} {before:?}");
        }
    }

    /// Steps done one after the other move keypoints exactly as the composed map does.
    #[test]
    fn composed_is_one_after_the_other(a in any_affine(), b in any_straight(), seed: u64) {
        let schema = Schema::kaggle15();
        let augment = pipeline(vec![a, b], Border::Replicate, &schema);
        let replay = augment.sample(SIZE, &mut rng_for(seed, Purpose::Augment, 0, 0));
        let mut at = (30.0, 40.0);
        let mut size = SIZE;
        for step in replay.steps() {
            let mut one = fkp_augment::Replay::nothing(size, replay.sampling());
            one.push(*step);
            at = one.point(at.0, at.1);
            size = one.size();
        }
        prop_assert_eq!(size, replay.size());
        let whole = replay.point(30.0, 40.0);
        prop_assert!((whole.0 - at.0).abs() < 1e-6 && (whole.1 - at.1).abs() < 1e-6);
    }

    /// No valid recipe makes anything that is not a number, whatever the border and filter.
    #[test]
    fn no_nan(
        steps in prop::collection::vec(any_geometric(), 1..4), seed: u64,
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
        let recipe = Recipe { border, interpolation, ..Recipe::of(steps) };
        let augment = recipe.compile(&Schema::kaggle15()).unwrap();
        let replay = augment.sample((width, height), &mut rng_for(seed, Purpose::Augment, 0, 0));
        let image = replay.image(&ramp((width, height)));
        prop_assert!(image.as_slice().iter().all(|v| v.is_finite()));
        // Bytes take another path; it must not panic on tiny images either.
        let gray = fkp_core::Image::filled(width, height, 3, 200);
        let moved = replay.image(&gray);
        let flat = !matches!(border, Border::Constant(_));
        prop_assert!(!flat || moved.as_bytes().iter().all(|v| *v == 200));
    }

    #[test]
    fn a_safe_crop_keeps_every_labeled_point(
        face in any_face(SIZE), width in 20usize..100, height in 20usize..100,
        margin in 0.0f64..0.3, seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let step = Transform::KeypointSafeCrop { width, height, margin };
        let sample = Sample::new("a", dot(SIZE, 10.0, 10.0), face);
        let varied = pipeline(vec![step], Border::Replicate, &schema)
            .apply(sample, &mut rng_for(seed, Purpose::Augment, 0, 0)).unwrap();
        prop_assert_eq!(varied.image.size(), (width, height));
        for (_, keypoint) in varied.keypoints.labeled() {
            prop_assert!(keypoint.visibility != Visibility::OutOfFrame, "{keypoint:?}");
        }
    }
}

fn moved(step: Transform, size: (usize, usize), x: f64, y: f64) -> (f64, f64) {
    let augment = pipeline(vec![step], Border::Replicate, &Schema::kaggle15());
    let mut rng = rng_for(0, Purpose::Augment, 0, 0);
    augment.sample(size, &mut rng).point(x, y)
}

/// The conventions, in numbers: no step is off by one or by half a pixel.
#[test]
fn flips_turns_and_resizes_use_pixel_centers() {
    let size = (10, 6);
    assert_eq!(
        moved(Transform::FlipHorizontal {}, size, 0.0, 2.0),
        (9.0, 2.0)
    );
    assert_eq!(
        moved(Transform::FlipVertical {}, size, 3.0, 0.0),
        (3.0, 5.0)
    );
    let turn = |turns| Transform::Rotate90 { turns: vec![turns] };
    // Counter-clockwise: the right edge becomes the top.
    assert_eq!(moved(turn(1), size, 9.0, 0.0), (0.0, 0.0));
    assert_eq!(moved(turn(1), size, 9.0, 5.0), (5.0, 0.0));
    assert_eq!(moved(turn(2), size, 0.0, 0.0), (9.0, 5.0));
    assert_eq!(moved(turn(3), size, 0.0, 0.0), (5.0, 0.0));
    let double = Transform::Resize {
        width: 20,
        height: 12,
    };
    assert_eq!(moved(double.clone(), size, -0.5, -0.5), (-0.5, -0.5));
    assert_eq!(moved(double, size, 9.5, 5.5), (19.5, 11.5));
    let crop = Transform::CenterCrop {
        width: 4,
        height: 4,
    };
    assert_eq!(moved(crop, size, 3.0, 1.0), (0.0, 0.0));
    let letterbox = Transform::Letterbox {
        width: 20,
        height: 20,
    };
    assert_eq!(moved(letterbox, size, -0.5, -0.5), (-0.5, 3.5));
}

#[test]
fn a_vertical_mirror_also_exchanges_left_and_right() {
    let schema = Schema::kaggle15();
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    for (step, swapped) in [
        (Transform::FlipHorizontal {}, true),
        (Transform::FlipVertical {}, true),
        (Transform::Rotate90 { turns: vec![2] }, false),
        (
            Transform::Compose {
                steps: vec![Transform::FlipHorizontal {}, Transform::FlipVertical {}],
            },
            false,
        ),
    ] {
        let augment = pipeline(vec![step.clone()], Border::Replicate, &schema);
        let replay = augment.sample((96, 96), &mut rng_for(0, Purpose::Augment, 0, 0));
        let (x, _) = replay.point(1.0, 20.0);
        let same = (f64::from(replay.keypoints(&face, &schema).unwrap()[0].x) - x).abs() < 1e-6;
        assert_eq!(same, swapped, "{step:?}");
    }
}

/// A keypoint that a crop cut off does not come back with a later pad: the image there is lost.
#[test]
fn once_out_of_the_frame_is_out_of_the_frame() {
    let schema = symmetric("one", 1);
    let steps = vec![
        Transform::CenterCrop {
            width: 10,
            height: 10,
        },
        Transform::Invert {}, // parts the two: the crop is done before the pad
        Transform::Pad {
            left: 10,
            top: 10,
            right: 10,
            bottom: 10,
        },
    ];
    let replay = pipeline(steps, Border::Constant(0), &schema)
        .sample((30, 30), &mut rng_for(0, Purpose::Augment, 0, 0));
    let moved = replay
        .keypoints(&Keypoints::from_xy(&[[2.0, 2.0]]), &schema)
        .unwrap();
    assert_eq!((moved[0].x, moved[0].y), (2.0, 2.0));
    assert_eq!(moved[0].visibility, Visibility::OutOfFrame);
    // The image that was augmented still has the pixels.
    let undone = replay.undo_keypoints(&moved, &schema).unwrap();
    assert_eq!(undone[0], Keypoint::new(2.0, 2.0));
}

#[test]
fn a_face_box_crop_frames_the_box() {
    let schema = symmetric("one", 1);
    let step = Transform::FaceBoxCrop {
        side: 40,
        scale: fkp_augment::Range::exactly(2.0),
        shift: 0.0,
    };
    let augment = pipeline(vec![step], Border::Replicate, &schema);
    let face = BoundingBox {
        x: 29.5,
        y: 19.5,
        width: 20.0,
        height: 16.0,
    };
    let subject = Subject {
        keypoints: None,
        face_box: Some(&face),
    };
    let replay = augment.sample_for((100, 80), subject, &mut rng_for(0, Purpose::Augment, 0, 0));
    let framed = replay.bounding_box(&face);
    assert_eq!((framed.x, framed.width), (9.5, 20.0));
    assert_eq!((framed.y, framed.height), (11.5, 16.0));
}
