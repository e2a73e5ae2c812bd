//! Rotation, shift, zoom and flip of a recipe: keypoints move with the image.

use crate::support::{any_face, centroid, dot, symmetric};
use fkp_augment::{PixelsOnly, Recipe, ZoomAxes};
use fkp_core::{
    Affine, Augment, Border, BoundingBox, FaceBox, Image, Keypoint, Keypoints, Purpose, Sample,
    Schema, Visibility, rng_for,
};
use proptest::prelude::*;

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let axes = prop_oneof![Just(ZoomAxes::Together), Just(ZoomAxes::Separate)];
    (0.0..180.0, 0.0..0.1, 0.0..0.1, 0.0..0.3, axes, 0.0..1.0).prop_map(
        |(rotation_deg, shift_x, shift_y, zoom, zoom_axes, flip_horizontal_p)| Recipe {
            rotation_deg,
            shift_x,
            shift_y,
            zoom,
            zoom_axes,
            flip_horizontal_p,
            border: Border::Constant(0),
            ..Recipe::none()
        },
    )
}

proptest! {
    #[test]
    fn dot_follows_keypoint(
        recipe in any_recipe(), x in 40.0f64..56.0, y in 40.0f64..56.0, seed: u64,
    ) {
        let schema = symmetric("dot", 1);
        let keypoints = Keypoints::from_xy(&[[x as f32, y as f32]]);
        let sample = Sample::new("dot", dot((97, 97), x, y), keypoints);
        let augment = recipe.compile(&schema).unwrap();
        let augmented = augment.apply(sample, &mut rng_for(seed, Purpose::Augment, 0, 0)).unwrap();
        let (cx, cy) = centroid(&augmented.image);
        let keypoint = augmented.keypoints[0];
        prop_assert!((cx - f64::from(keypoint.x)).abs() < 0.1, "{cx} {keypoint:?}");
        prop_assert!((cy - f64::from(keypoint.y)).abs() < 0.1, "{cy} {keypoint:?}");
    }

    #[test]
    fn count_order_and_missing_labels_stay(
        recipe in any_recipe(), face in any_face((96, 96)), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let replay = recipe.compile(&schema).unwrap()
            .sample((96, 96), &mut rng_for(seed, Purpose::Augment, 0, 0));
        let moved = replay.keypoints(&face, &schema).unwrap();
        prop_assert_eq!(moved.len(), 15);
        let mut expected = face.clone();
        if replay.is_mirrored() {
            expected.swap_pairs(&schema).unwrap();
        }
        for (moved, before) in moved.iter().zip(expected.iter()) {
            prop_assert_eq!(moved.is_labeled(), before.is_labeled());
            prop_assert!(moved.x.is_finite() && moved.y.is_finite());
            let (x, y) = (moved.x, moved.y);
            let inside = (-0.5..=95.5).contains(&x) && (-0.5..=95.5).contains(&y);
            if moved.is_labeled() {
                prop_assert_eq!(moved.visibility == Visibility::OutOfFrame, !inside);
            }
        }
    }

    #[test]
    fn undoing_gives_the_keypoints_back(
        recipe in any_recipe(), face in any_face((96, 96)), seed: u64,
    ) {
        let schema = Schema::kaggle15();
        let replay = recipe.compile(&schema).unwrap()
            .sample((96, 96), &mut rng_for(seed, Purpose::Augment, 0, 0));
        let moved = replay.keypoints(&face, &schema).unwrap();
        let back = replay.undo_keypoints(&moved, &schema).unwrap();
        for (back, before) in back.iter().zip(face.iter()) {
            prop_assert_eq!(back.is_labeled(), before.is_labeled());
            prop_assert!(back.distance(before) < 1e-3, "{back:?} {before:?}");
        }
    }

    #[test]
    fn same_seed_same_result(recipe in any_recipe(), seed: u64) {
        let augment = recipe.compile(&Schema::kaggle15()).unwrap();
        let run = || {
            let sample = Sample::new("a", dot((31, 31), 11.0, 9.0), Keypoints::unlabeled(15));
            augment.apply(sample, &mut rng_for(seed, Purpose::Augment, 3, 5)).unwrap()
        };
        prop_assert_eq!(run(), run());
    }
}

fn always_flip() -> Recipe {
    Recipe {
        flip_horizontal_p: 1.0,
        ..Recipe::none()
    }
}

#[test]
fn flip_twice_is_identity() {
    let augment = always_flip().compile(&Schema::kaggle15()).unwrap();
    let mut rng = rng_for(0, Purpose::Augment, 0, 0);
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    let mut before = Sample::new("a", dot((30, 30), 11.0, 9.0), face);
    before.face_box = Some(FaceBox::face(BoundingBox {
        x: 3.0,
        y: 4.0,
        width: 5.0,
        height: 6.0,
    }));
    let once = augment.apply(before.clone(), &mut rng).unwrap();
    assert_eq!(once.face_box.unwrap().bounds.x, 29.0 - 8.0);
    assert_ne!(once, before);
    assert_eq!(augment.apply(once, &mut rng).unwrap(), before);
}

#[test]
fn a_flip_swaps_left_and_right_and_leaves_the_middle() {
    let schema = Schema::kaggle15();
    let augment = always_flip().compile(&schema).unwrap();
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    let sample = Sample::new("a", Image::filled(96, 96, 1, 0), face);
    let augmented = augment
        .apply(sample, &mut rng_for(0, Purpose::Augment, 0, 0))
        .unwrap();
    assert_eq!(augmented.keypoints[0].x, 95.0 - 1.0); // the left eye's center was the right one's
    assert_eq!(augmented.keypoints[10].x, 95.0 - 10.0); // the nose tip is its own partner
}

#[test]
fn a_schema_without_pairs_keeps_its_order_in_a_flip() {
    let augment = always_flip().compile(&symmetric("symmetric", 3)).unwrap();
    let keypoints = Keypoints::from_xy(&[[0.0, 1.0], [4.0, 2.0], [9.0, 3.0]]);
    let sample = Sample::new("a", Image::filled(10, 10, 3, 0), keypoints);
    let augmented = augment
        .apply(sample, &mut rng_for(0, Purpose::Augment, 0, 0))
        .unwrap();
    let expected = Keypoints::from_xy(&[[9.0, 1.0], [5.0, 2.0], [0.0, 3.0]]);
    assert_eq!(augmented.keypoints, expected);
}

#[test]
fn rotating_there_and_back_is_identity() {
    let center = (47.5, 47.5);
    let map = Affine::rotation_about(center, 0.3)
        .then(&Affine::rotation_about(center, -0.3))
        .unwrap();
    let (x, y) = map.apply(10.0, 80.0);
    assert!((x - 10.0).abs() < 1e-9 && (y - 80.0).abs() < 1e-9);
}

#[test]
fn none_changes_nothing() {
    let augment = Recipe::none().compile(&Schema::kaggle15()).unwrap();
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    let sample = Sample::new("a", dot((30, 30), 11.0, 9.0), face);
    let augmented = augment
        .apply(sample.clone(), &mut rng_for(1, Purpose::Augment, 0, 0))
        .unwrap();
    assert_eq!(augmented, sample);
}

/// Keras' `zoom_range` multiplies source coordinates, with a factor for each axis.
#[test]
fn zoom_is_sampled_as_in_keras() {
    let rows = |zoom_axes, index| {
        let recipe = Recipe {
            zoom: 0.2,
            zoom_axes,
            ..Recipe::none()
        };
        let pipeline = recipe.compile(&Schema::kaggle15()).unwrap();
        let replay = pipeline.sample((96, 96), &mut rng_for(1, Purpose::Augment, 0, index));
        replay.affine().unwrap().inverse().rows()
    };
    let mut factors = Vec::new();
    for index in 0..2000 {
        let [[x, ..], [_, y, _]] = rows(ZoomAxes::Separate, index);
        assert!((x - y).abs() > 1e-12);
        factors.extend([x, y]);
        let [[x, ..], [_, y, _]] = rows(ZoomAxes::Together, index);
        assert!((x - y).abs() < 1e-12);
    }
    let mean = factors.iter().sum::<f64>() / factors.len() as f64;
    assert!((mean - 1.0).abs() < 0.01, "{mean}");
    let all_within = factors.iter().all(|f| (0.8..=1.2).contains(f));
    assert!(all_within);
}

#[test]
fn the_tutorials_bug_moves_the_image_only() {
    let inner = Recipe::tutorial().compile(&Schema::kaggle15()).unwrap();
    let face: Keypoints = (0..15).map(|i| Keypoint::new(i as f32, 20.0)).collect();
    let sample = Sample::new("a", dot((30, 30), 11.0, 9.0), face.clone());
    let right = inner
        .apply(sample.clone(), &mut rng_for(1, Purpose::Augment, 0, 0))
        .unwrap();
    let wrong = PixelsOnly(inner)
        .apply(sample, &mut rng_for(1, Purpose::Augment, 0, 0))
        .unwrap();
    assert_eq!(wrong.image, right.image);
    assert_eq!(wrong.keypoints, face);
    assert_ne!(right.keypoints, face);
}
