//! Properties of all rendered faces.

use fkp_core::{
    Affine, Border, Dataset, Filter, Image, Keypoint, Keypoints, Purpose, Schema, Visibility,
    rng_for, warp_affine,
};
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::params::{CropAround, HairStyle};
use fkp_synth::{FaceDistribution, FaceParams, KeypointSet, SynthConfig, SynthFaces, render};
use rayon::prelude::*;
use std::collections::BTreeSet;

const LEFT_EYE: usize = 0;
const RIGHT_EYE: usize = 1;
const NOSE: usize = 10;
const TOP_LIP: usize = 13;
const BOTTOM_LIP: usize = 14;

fn faces(count: usize) -> SynthFaces {
    SynthFaces::new(SynthConfig {
        count,
        seed: 11,
        ..SynthConfig::default()
    })
    .expect("the configuration is valid")
}

fn face(index: u64) -> FaceParams {
    FaceDistribution::default().sample(&mut rng_for(12, Purpose::Render, 0, index))
}

fn gray(face: &FaceParams, size: usize) -> (Image, Keypoints) {
    render(face, size, Channels::Gray, KeypointSet::Kaggle15)
}

/// Mean gray level within `radius` of a point.
fn mean_around(image: &Image, x: f32, y: f32, radius: f32) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    let window = |middle: f32, size: usize| {
        let low = (middle - radius).floor().max(0.0) as usize;
        low..((middle + radius).ceil().max(0.0) as usize + 1).min(size)
    };
    for j in window(y, image.height()) {
        for i in window(x, image.width()) {
            if (i as f32 - x).hypot(j as f32 - y) <= radius {
                sum += f32::from(image.pixel(i, j)[0]);
                count += 1.0;
            }
        }
    }
    sum / count
}

#[test]
fn any_thread_gets_the_same_bytes() {
    let faces = faces(24);
    let one_by_one: Vec<_> = (0..24).map(|i| faces.get(i).unwrap()).collect();
    let backwards: Vec<_> = (0..24).rev().map(|i| faces.get(i).unwrap()).collect();
    let in_parallel: Vec<_> = (0..24)
        .into_par_iter()
        .map(|i| faces.get(i).unwrap())
        .collect();
    assert_eq!(one_by_one, in_parallel);
    assert!(one_by_one.iter().eq(backwards.iter().rev()));
}

#[test]
fn seeds_and_indices_give_different_people() {
    let faces = faces(8);
    let other = SynthFaces::new(SynthConfig {
        seed: 99,
        ..faces.config().clone()
    })
    .unwrap();
    let (mut hashes, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for set in [&faces, &other] {
        for index in 0..8 {
            let sample = set.get(index).unwrap();
            hashes.insert(sample.image.content_hash());
            groups.insert(sample.group.unwrap());
        }
    }
    assert_eq!((hashes.len(), groups.len()), (16, 16));
    assert!(faces.get(8).is_err());
}

/// A distribution of faces that look ahead.
fn frontal() -> FaceDistribution {
    let mut faces = FaceDistribution::default();
    faces.pose.turned.0 = 0.0;
    faces.pose.yaw_degrees.0 = 25.0;
    faces.pose.pitch_degrees.0 = 12.0;
    faces.pose.roll_degrees.0 = 12.0;
    faces
}

#[test]
fn labels_are_in_place() {
    let faces = SynthFaces::new(SynthConfig {
        count: 200,
        faces: frontal(),
        ..SynthConfig::default()
    })
    .unwrap();
    for index in 0..faces.len() {
        let keypoints = faces.get(index).unwrap().keypoints;
        assert_eq!(keypoints.len(), 15);
        for keypoint in keypoints.iter() {
            let inside = (-0.5..=95.5).contains(&keypoint.x) && (-0.5..=95.5).contains(&keypoint.y);
            assert_eq!(inside, keypoint.visibility != Visibility::OutOfFrame);
        }
        // Almost upright, so the order along the axes is known.
        assert!(keypoints[LEFT_EYE].x > keypoints[RIGHT_EYE].x + 20.0);
        assert!(
            keypoints[NOSE].y > keypoints[LEFT_EYE].y && keypoints[NOSE].y > keypoints[RIGHT_EYE].y
        );
        assert!(keypoints[TOP_LIP].y > keypoints[NOSE].y);
        assert!(keypoints[BOTTOM_LIP].y > keypoints[TOP_LIP].y);
        let mouth = (keypoints[11].x + keypoints[12].x) / 2.0;
        assert!(keypoints[11].x > mouth && keypoints[12].x < mouth);
    }
}

#[test]
fn few_keypoints_leave_the_image_and_some_are_occluded() {
    let faces = faces(200);
    let (mut visible, mut occluded, mut outside) = (0, 0, 0);
    for index in 0..faces.len() {
        for keypoint in faces.get(index).unwrap().keypoints.iter() {
            match keypoint.visibility {
                Visibility::Visible => visible += 1,
                Visibility::Occluded => occluded += 1,
                Visibility::OutOfFrame => outside += 1,
                Visibility::Unlabeled => panic!("every keypoint is labeled"),
            }
        }
    }
    assert!(
        visible > 2400 && occluded > 60 && outside < 60,
        "{visible} visible, {occluded} occluded, {outside} outside"
    );
}

#[test]
fn the_mean_face_has_the_mean_shape_of_kaggle() {
    let faces = SynthFaces::new(SynthConfig {
        count: 300,
        faces: frontal(),
        ..SynthConfig::default()
    })
    .unwrap();
    let mut mean = [[0.0f64; 2]; 15];
    for index in 0..faces.len() {
        let keypoints = faces.get(index).unwrap().keypoints;
        for (sum, keypoint) in mean.iter_mut().zip(keypoints.iter()) {
            sum[0] += (f64::from(keypoint.x) + 0.5) / 96.0 / 300.0;
            sum[1] += (f64::from(keypoint.y) + 0.5) / 96.0 / 300.0;
        }
    }
    let schema = Schema::kaggle15();
    for ((mean, wanted), name) in mean.iter().zip(schema.mean_shape()).zip(schema.keypoints()) {
        for axis in 0..2 {
            let off = (mean[axis] - wanted[axis]).abs();
            assert!(off < 0.03, "{name}: {mean:?}, wanted {wanted:?}");
        }
    }
}

/// A face without occlusion: open eyes that look straight ahead, even light, a sharp image.
fn plain(index: u64) -> FaceParams {
    let mut face = frontal().sample(&mut rng_for(12, Purpose::Render, 0, index));
    face.expression = Default::default();
    face.skin.melanin = 0.2;
    face.iris.color = [0.06, 0.03, 0.02];
    face.light.key.color = [0.3; 3];
    face.light
        .fills
        .iter_mut()
        .for_each(|lamp| lamp.color = [0.0; 3]);
    (face.light.sky, face.light.ground) = ([0.7; 3], [0.6; 3]);
    for eye in &mut face.eyes {
        (eye.upper_lid, eye.lower_lid) = (0.2, 0.13);
    }
    (face.view.scale, face.view.shift) = (0.95, [0.0; 2]);
    face.camera = Camera::NEUTRAL;
    face.hair.style = HairStyle::Bald;
    face.beard = Default::default();
    face.accessories = Default::default();
    face
}

#[test]
fn irises_are_darker_than_the_skin_below_them() {
    for index in 0..30 {
        let (image, keypoints) = gray(&plain(index), 192);
        for p in [keypoints[LEFT_EYE], keypoints[RIGHT_EYE]] {
            let iris = mean_around(&image, p.x, p.y, 3.0);
            let skin = mean_around(&image, p.x, p.y + 18.0, 3.0);
            assert!(iris < 0.7 * skin, "face {index}: iris {iris}, skin {skin}");
        }
    }
}

#[test]
fn an_open_mouth_is_dark_between_its_lip_labels() {
    for index in 0..30 {
        let mut face = plain(index);
        face.expression.jaw_open = 0.7;
        let (image, keypoints) = gray(&face, 192);
        let (top, bottom) = (keypoints[TOP_LIP], keypoints[BOTTOM_LIP]);
        let at = |t: f32, radius: f32| {
            let x = top.x + t * (bottom.x - top.x);
            mean_around(&image, x, top.y + t * (bottom.y - top.y), radius)
        };
        let (inside, chin) = (at(0.5, 3.0), at(1.15, 2.0));
        assert!(inside < 0.6 * chin, "face {index}: {inside}, chin {chin}");
    }
}

#[test]
fn a_mirrored_face_is_the_mirror_image() {
    let flip = Affine::flip_horizontal(96);
    for set in [KeypointSet::Kaggle15, KeypointSet::Ibug68] {
        let schema = match set {
            KeypointSet::Kaggle15 => Schema::kaggle15(),
            KeypointSet::Ibug68 => Schema::ibug68(),
        };
        for index in 0..30 {
            let mut face = face(index);
            face.camera = Camera::NEUTRAL;
            if set == KeypointSet::Ibug68 {
                face.view.crop = CropAround::FaceBox(0.7);
            }
            let (image, keypoints) = render(&face, 96, Channels::Gray, set);
            let (mirrored, mirrored_keypoints) = render(&face.mirrored(), 96, Channels::Gray, set);
            let flipped = warp_affine(&image, &flip, (96, 96), Filter::Nearest, Border::Replicate);
            // Which triangle of a pixel is shaded depends on the order of its samples.
            let pairs = flipped.as_bytes().iter().zip(mirrored.as_bytes());
            let total: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            let mean = total as f32 / 9216.0;
            assert!(mean < 1.2, "face {index}: {mean} gray levels per pixel");
            let flipped: Keypoints = keypoints.transform(&flip, (96, 96), &schema).unwrap();
            for (a, b) in flipped.iter().zip(mirrored_keypoints.iter()) {
                assert!(a.distance(b) < 0.05, "face {index}: {a:?} {b:?}");
            }
        }
    }
}

/// On each side the jaw line has equal distances in the image. In profile, where the outline leaves
/// the line, they are about equal.
#[test]
fn the_jaw_line_is_equally_spaced() {
    for (yaw, roll, tolerance) in [
        (0.0, 0.0, 0.12),
        (0.7, 0.0, 0.15),
        (-0.7, 0.5, 0.15),
        (1.2, 0.0, 0.45),
    ] {
        for index in 0..20 {
            let mut face = face(index);
            (face.pose.yaw, face.pose.roll) = (yaw, roll);
            let (_, keypoints) = render(&face, 256, Channels::Gray, KeypointSet::Ibug68);
            for side in [0..8, 8..16] {
                let distances = side.map(|i| keypoints[i].distance(&keypoints[i + 1]));
                let distances: Vec<f32> = distances.collect();
                let mean = distances.iter().sum::<f32>() / 8.0;
                for distance in &distances {
                    assert!(
                        (distance - mean).abs() < tolerance * mean + 0.3,
                        "face {index}, yaw {yaw}: {distances:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_larger_image_shows_the_same_face() {
    let shrink = Affine::resize((384, 384), (96, 96)).unwrap();
    for index in 0..10 {
        let mut face = face(index);
        face.camera = Camera::NEUTRAL;
        let ((small, at_small), (large, at_large)) = (gray(&face, 96), gray(&face, 384));
        let shrunk = warp_affine(&large, &shrink, (96, 96), Filter::Area, Border::Replicate);
        let pixels = small.as_bytes().iter().zip(shrunk.as_bytes());
        let total: u32 = pixels.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let mean = total as f32 / 9216.0;
        assert!(mean < 5.0, "face {index}: {mean} gray levels per pixel");
        for (small, large) in at_small.iter().zip(at_large.map(&shrink).iter()) {
            assert!(small.distance(large) < 0.01);
        }
    }
}

#[test]
fn a_face_box_takes_up_the_fraction_of_the_image_that_was_asked_for() {
    for index in 0..20 {
        let mut face = face(index);
        face.view.crop = CropAround::FaceBox(0.6);
        (face.view.scale, face.view.shift) = (1.0, [0.0; 2]);
        let (_, keypoints) = render(&face, 128, Channels::Gray, KeypointSet::Ibug68);
        let range = |of: fn(&Keypoint) -> f32| {
            let values = keypoints.iter().map(of);
            values.fold((f32::MAX, f32::MIN), |(low, high), v| {
                (low.min(v), high.max(v))
            })
        };
        let ((left, right), (top, bottom)) = (range(|k| k.x), range(|k| k.y));
        let side = (right - left).max(bottom - top) / 128.0;
        assert!((side - 0.6).abs() < 1e-3, "face {index}: {side}");
        let middle = [(left + right) / 2.0, (top + bottom) / 2.0];
        assert!(middle.iter().all(|c| (c - 63.5).abs() < 0.05), "{middle:?}");
    }
}

#[test]
fn the_two_keypoint_sets_agree() {
    // (kaggle15, ibug68): corners of the eyes, ends of the brows, tip, corners and centers of the lips.
    let pairs = [
        (2, 42),
        (3, 45),
        (4, 39),
        (5, 36),
        (6, 22),
        (7, 26),
        (8, 21),
        (9, 17),
    ];
    let more = [(10, 30), (11, 54), (12, 48), (13, 51), (14, 57)];
    for index in 0..20 {
        let mut face = face(index);
        // The crop around the keypoints depends on the set.
        face.view.crop = CropAround::FaceBox(0.6);
        let (_, few) = render(&face, 96, Channels::Gray, KeypointSet::Kaggle15);
        let (_, many) = render(&face, 96, Channels::Gray, KeypointSet::Ibug68);
        for (a, b) in pairs.into_iter().chain(more) {
            assert!(
                few[a].distance(&many[b]) < 1e-3,
                "face {index}: {a} and {b}"
            );
        }
    }
}

#[test]
fn without_variation_every_head_looks_straight_ahead() {
    let mut distribution = FaceDistribution::default();
    distribution.pose.turned.0 = 0.0;
    distribution.pose.yaw_degrees.0 = 0.0;
    distribution.pose.pitch_degrees.0 = 0.0;
    distribution.pose.roll_degrees.0 = 0.0;
    distribution.view.scale.0 = 0.0;
    distribution.view.shift.0 = 0.0;
    let faces = SynthFaces::new(SynthConfig {
        faces: distribution,
        ..SynthConfig::default()
    })
    .unwrap();
    for index in 0..20 {
        let face = faces.params(index);
        assert_eq!([face.pose.yaw, face.pose.pitch, face.pose.roll], [0.0; 3]);
        assert_eq!((face.view.scale, face.view.shift), (1.0, [0.0, 0.0]));
    }
}
