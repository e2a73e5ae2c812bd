//! Crops from keypoints and from boxes of every convention.

use super::*;
use crate::{
    Affine, BoundingBox, Image, InputSpec, Keypoint, Keypoints, Purpose, Sample, Schema, SchemaMap,
    rng_for,
};
use proptest::prelude::*;

/// A face of mean shape at any position and size is cropped to the Kaggle mean shape, also with
/// labels missing.
#[test]
fn a_crop_is_aligned_to_the_mean_shape() {
    let schema = Schema::kaggle15();
    let rule = CropRule::for_schema(&schema);
    let place = |side: f64, i: usize| {
        let [u, v] = schema.mean_shape()[i];
        Keypoint::new(
            (u * side + 30.0 - 0.5) as f32,
            (v * side + 70.0 - 0.5) as f32,
        )
    };
    for missing in [&[][..], &[13, 14], &[2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]] {
        let keypoints: Keypoints = (0..15)
            .map(|i| match missing.contains(&i) {
                true => Keypoint::unlabeled(),
                false => place(200.0, i),
            })
            .collect();
        let sample = Sample::new("mean", Image::filled(300, 400, 1, 7), keypoints);
        let crop = rule.apply(sample, &InputSpec::gray(96)).unwrap();
        assert_eq!(crop.image.size(), (96, 96));
        for (i, keypoint) in crop.keypoints.labeled() {
            let [u, v] = schema.mean_shape()[i];
            let expected = Keypoint::new((u * 96.0 - 0.5) as f32, (v * 96.0 - 0.5) as f32);
            assert!(
                keypoint.distance(&expected) < 1e-3,
                "{i}: {keypoint:?} {expected:?}"
            );
        }
    }
}

/// The box around the 15 keypoints of a face gives the crop of a model of 68.
#[test]
fn a_rule_for_other_keypoints_gives_the_same_crops() {
    let (map, rule) = (
        SchemaMap::ibug68_to_kaggle15(),
        CropRule::for_schema(&Schema::ibug68()),
    );
    let mapped = rule.onto(&map).unwrap();
    let face: Keypoints = Schema::ibug68()
        .mean_shape()
        .iter()
        .map(|[u, v]| Keypoint::new((u * 200.0 + 29.5) as f32, (v * 200.0 + 69.5) as f32))
        .collect();
    let image = Image::filled(300, 400, 1, 7);
    let expected = rule.square(&image, &face, None).unwrap();
    let found = mapped.square(&image, &map.apply(&face), None).unwrap();
    assert!((found.side - expected.side).abs() < 1e-3);
    assert!((found.center.0 - expected.center.0).abs() < 1e-3);
    assert!((found.center.1 - expected.center.1).abs() < 1e-3);
    let face_box = FaceBox::face(BoundingBox::from_image_edges(10.0, 20.0, 90.0, 118.0));
    assert_eq!(mapped.square_of(&face_box), rule.square_of(&face_box));
    assert_eq!(CropRule::Whole.onto(&map), Some(CropRule::Whole));
    let without_lips = SchemaMap::aflw21_to_kaggle15();
    let of_21 = CropRule::MeanShape {
        mean_shape: vec![[0.5, 0.5]; 21],
        face_box: None,
    };
    assert_eq!(of_21.onto(&without_lips), None);
}

#[test]
fn an_image_that_is_the_crop_already_is_unchanged() {
    let image = Image::new(3, 3, 1, (0..9).collect()).unwrap();
    let (crop, map) = CropSquare::whole(&image).crop(&image, 3).unwrap();
    assert_eq!((crop, map), (image, Affine::identity()));
}

#[test]
fn keypoints_follow_the_crop() {
    let mut image = Image::filled(120, 90, 1, 0);
    for (x, y) in [(60, 40), (61, 40), (60, 41), (61, 41)] {
        image.pixel_mut(x, y)[0] = 200;
    }
    // From edge 29.5 to 89.5 and 9.5 to 69.5: two by two source pixels are one crop pixel.
    let square = CropSquare {
        center: (59.5, 39.5),
        side: 60.0,
    };
    let (crop, map) = square.crop(&image, 30).unwrap();
    assert_eq!(map.apply(60.5, 40.5), (15.0, 15.0));
    assert_eq!(crop.pixel(15, 15), &[200]);
    assert_eq!(crop.as_bytes().iter().filter(|b| **b > 0).count(), 1);
}

#[test]
fn without_keypoints_the_box_is_used_and_without_both_it_is_an_error() {
    let rule = CropRule::for_schema(&Schema::kaggle15());
    let image = Image::filled(50, 50, 1, 0);
    let none = Keypoints::unlabeled(15);
    assert_eq!(
        rule.square(&image, &none, None),
        Err(CropError::NoKeypointsOrBox)
    );
    let bounds = BoundingBox {
        x: 10.0,
        y: 10.0,
        width: 20.0,
        height: 16.0,
    };
    let square = rule
        .square(&image, &none, Some(&FaceBox::keypoints(bounds)))
        .unwrap();
    assert!((square.side - 20.0 / 0.6652).abs() < 1e-6);
    assert_eq!(square.center.0, 20.0);
    let flat = BoundingBox {
        x: 0.0,
        y: 0.0,
        width: 0.0,
        height: f64::NAN,
    };
    assert!(CropSquare::around(&flat).is_err());
    for convention in [
        BoxConvention::Keypoints,
        BoxConvention::Face,
        BoxConvention::Crop,
    ] {
        let given = FaceBox {
            convention,
            bounds: flat,
        };
        assert!(rule.square_of(&given).is_err());
    }
}

#[test]
fn a_rule_names_the_boxes_that_it_does_not_support() {
    let bounds = BoundingBox::from_image_edges(0.0, 0.0, 10.0, 10.0);
    let message = |rule: &CropRule, given| rule.square_of(&given).unwrap_err().to_string();
    let text = message(&CropRule::Whole, FaceBox::face(bounds));
    assert!(text.contains("forehead to chin") && text.contains("the crop itself"));
    let text = message(&CropRule::Whole, FaceBox::keypoints(bounds));
    assert!(text.contains("around keypoints"), "{text}");
    let square = CropRule::Whole.square_of(&FaceBox::crop(bounds)).unwrap();
    assert_eq!((square.center, square.side), ((4.5, 4.5), 10.0));
}

/// The boxes of the mean shape, at any position and size, all give the same crop.
#[test]
fn the_boxes_of_the_mean_shape_give_one_crop() {
    for schema in [Schema::kaggle15(), Schema::ibug68()] {
        let rule = CropRule::for_schema(&schema);
        let CropRule::MeanShape {
            mean_shape,
            face_box,
        } = &rule
        else {
            panic!("a face schema has a mean shape");
        };
        let place = |u: f64, v: f64| (u * 150.0 + 20.0, v * 150.0 - 7.0);
        let keypoints = BoundingBox::around(mean_shape.iter().map(|&[u, v]| place(u, v))).unwrap();
        let part = face_box.unwrap();
        let (x, y) = place(part.x, part.y);
        let face = BoundingBox {
            x,
            y,
            width: part.width * 150.0,
            height: part.height * 150.0,
        };
        for given in [FaceBox::keypoints(keypoints), FaceBox::face(face)] {
            let square = rule.square_of(&given).unwrap();
            assert!((square.side - 150.0).abs() < 1e-9, "{square:?}");
            assert!((square.center.0 - 95.0).abs() < 1e-9, "{square:?}");
            assert!((square.center.1 - 68.0).abs() < 1e-9, "{square:?}");
        }
    }
}

/// The two face schemas give about the same face box for one face.
#[test]
fn the_face_boxes_of_the_two_schemas_agree() {
    let [kaggle, ibug] = [Schema::kaggle15(), Schema::ibug68()];
    let map = crate::SchemaMap::ibug68_to_kaggle15();
    let shape: Keypoints = ibug
        .mean_shape()
        .iter()
        .map(|&[u, v]| Keypoint::new((u * 500.0) as f32, (v * 500.0) as f32))
        .collect();
    let crop = |keypoints: &Keypoints, schema: &Schema| {
        let rule = CropRule::for_schema(schema);
        let bounds = keypoints.bounding_box().unwrap();
        let face = rule.convert(&FaceBox::keypoints(bounds), BoxConvention::Face);
        face.unwrap().bounds
    };
    let (a, b) = (crop(&shape, &ibug), crop(&map.apply(&shape), &kaggle));
    for (a, b) in [
        (a.x, b.x),
        (a.y, b.y),
        (a.width, b.width),
        (a.height, b.height),
    ] {
        assert!((a - b).abs() < 0.06 * 500.0, "{a} {b}");
    }
}

proptest! {
    /// Converting a box to another convention and back gives the box, up to its aspect.
    #[test]
    fn conversions_round_trip(
        x in -50.0f64..500.0, y in -50.0f64..500.0, side in 4.0f64..400.0, aspect in 0.7f64..1.6,
    ) {
        let conventions = [BoxConvention::Keypoints, BoxConvention::Face, BoxConvention::Crop];
        let rule = CropRule::for_schema(&Schema::kaggle15());
        for from in conventions {
            for to in conventions {
                let bounds = BoundingBox { x, y, width: side, height: side * aspect };
                let given = FaceBox { convention: from, bounds };
                let converted = rule.convert(&given, to).unwrap();
                let back = rule.convert(&converted, from).unwrap();
                let (a, b) = (rule.square_of(&given).unwrap(), rule.square_of(&back).unwrap());
                prop_assert!((a.side - b.side).abs() < 1e-6 * a.side);
                prop_assert!((a.center.0 - b.center.0).abs() < 1e-6 * a.side);
                prop_assert!((a.center.1 - b.center.1).abs() < 1e-6 * a.side);
            }
        }
    }

    #[test]
    fn jitter_stays_within_its_limits_and_uses_them(seed in any::<u64>()) {
        let square = CropSquare { center: (10.0, -3.0), side: 50.0 };
        let mut rng = rng_for(seed, Purpose::Augment, 0, 0);
        let jitter = BoxJitter::default();
        let mut most = [0.0f64; 3];
        for _ in 0..200 {
            let moved = jitter.apply(&square, &mut rng);
            let off = [
                (moved.center.0 - 10.0) / 50.0,
                (moved.center.1 + 3.0) / 50.0,
                moved.side / 50.0 - 1.0,
            ];
            for (most, off) in most.iter_mut().zip(off) {
                *most = most.max(off.abs());
            }
        }
        prop_assert!(most[0] <= 0.08 && most[1] <= 0.08 && most[2] <= 0.1 + 1e-12);
        prop_assert!(most[0] > 0.06 && most[1] > 0.06 && most[2] > 0.075);
    }
}
