//! Properties of all rendered faces.

use fkp_core::{
    Affine, Border, Dataset, Filter, Image, Keypoint, Keypoints, Purpose, Schema, Visibility,
    rng_for, warp_affine,
};
use fkp_synth::{FaceParams, SynthConfig, SynthFaces, Variation, render};
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
    FaceParams::sample(&mut rng_for(12, Purpose::Render, 0, index))
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

#[test]
fn labels_are_in_place() {
    let faces = faces(200);
    for index in 0..faces.len() {
        let keypoints = faces.get(index).unwrap().keypoints;
        assert_eq!(keypoints.len(), 15);
        for keypoint in keypoints.iter() {
            let inside = (-0.5..=95.5).contains(&keypoint.x) && (-0.5..=95.5).contains(&keypoint.y);
            assert_eq!(inside, keypoint.visibility != Visibility::OutOfFrame);
        }
        // Upright within 15°, so the order along the axes is known.
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
    assert!(visible > 2700 && occluded > 10 && outside < 20);
}

#[test]
fn the_mean_face_has_the_mean_shape_of_kaggle() {
    let faces = faces(300);
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
            assert!(off < 0.015, "{name}: {mean:?}, wanted {wanted:?}");
        }
    }
}

/// A face without occlusion: open eyes that look straight ahead, even light, a sharp image.
fn plain(index: u64) -> FaceParams {
    let mut face = face(index);
    face.gaze = [0.0; 2];
    face.glasses = None;
    face.skin.tone = 0.7;
    face.iris_tone = 0.1;
    (face.light.direct, face.light.ambient) = (0.3, 0.8);
    for eye in &mut face.eyes {
        (eye.upper_lid, eye.lower_lid) = (0.2, 0.11);
    }
    (face.camera.scale, face.camera.shift) = (0.95, [0.0; 2]);
    (face.camera.blur, face.camera.noise) = (0.0, 0.0);
    (face.camera.contrast, face.camera.brightness) = (1.0, 0.0);
    face.hair.volume = 0.0;
    face
}

#[test]
fn irises_are_darker_than_the_skin_below_them() {
    for index in 0..30 {
        let (image, keypoints) = render(&plain(index), 192);
        for p in [keypoints[LEFT_EYE], keypoints[RIGHT_EYE]] {
            let iris = mean_around(&image, p.x, p.y, 4.0);
            let skin = mean_around(&image, p.x, p.y + 16.0, 3.0);
            assert!(iris < 0.7 * skin, "face {index}: iris {iris}, skin {skin}");
        }
    }
}

#[test]
fn an_open_mouth_is_dark_between_its_lip_labels() {
    for index in 0..30 {
        let mut face = plain(index);
        let mouth = &mut face.mouth;
        (mouth.top, mouth.inner_top) = (1.9, 2.05);
        (mouth.inner_bottom, mouth.bottom) = (2.45, 2.7);
        mouth.teeth = 0.0;
        face.beard = Default::default();
        let (image, keypoints) = render(&face, 192);
        let (top, bottom) = (keypoints[TOP_LIP], keypoints[BOTTOM_LIP]);
        let at = |t: f32, radius: f32| {
            let x = top.x + t * (bottom.x - top.x);
            mean_around(&image, x, top.y + t * (bottom.y - top.y), radius)
        };
        let (inside, chin) = (at(0.45, 3.0), at(1.25, 2.0));
        assert!(inside < 0.6 * chin, "face {index}: {inside}, chin {chin}");
    }
}

/// A face is rendered with two tones of iris: the centroid of the difference is the center of the
/// iris, which looks straight ahead.
#[test]
fn labels_agree_with_the_pixels_to_a_fraction_of_a_pixel() {
    for index in 0..20 {
        let dark = plain(index);
        let mut pale = dark.clone();
        pale.iris_tone = 0.7;
        let ((a, keypoints), (b, _)) = (render(&dark, 192), render(&pale, 192));
        for (eye, other) in [(LEFT_EYE, RIGHT_EYE), (RIGHT_EYE, LEFT_EYE)] {
            let (p, q) = (keypoints[eye], keypoints[other]);
            let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
            for j in 0..192 {
                for i in 0..192 {
                    let changed = f32::from(a.pixel(i, j)[0].abs_diff(b.pixel(i, j)[0]));
                    let here = Keypoint::new(i as f32, j as f32);
                    if changed > 0.0 && here.distance(&p) < here.distance(&q) {
                        sum += changed;
                        x += changed * here.x;
                        y += changed * here.y;
                    }
                }
            }
            let off = Keypoint::new(x / sum, y / sum).distance(&p);
            assert!(sum > 0.0 && off < 1.2, "face {index}: {off} of 192 px");
        }
    }
}

#[test]
fn a_mirrored_face_is_the_mirror_image() {
    let schema = Schema::kaggle15();
    let flip = Affine::flip_horizontal(96);
    for index in 0..40 {
        let face = face(index);
        let (image, keypoints) = render(&face, 96);
        let (mirrored, mirrored_keypoints) = render(&face.mirrored(), 96);
        let flipped = warp_affine(&image, &flip, (96, 96), Filter::Nearest, Border::Replicate);
        let pairs = flipped.as_bytes().iter().zip(mirrored.as_bytes());
        let differing = pairs.filter(|(a, b)| a.abs_diff(**b) > 3).count();
        assert!(differing < 40, "face {index}: {differing} of 9216 pixels");
        let flipped: Keypoints = keypoints.transform(&flip, (96, 96), &schema).unwrap();
        for (a, b) in flipped.iter().zip(mirrored_keypoints.iter()) {
            assert!(a.distance(b) < 0.01, "face {index}: {a:?} {b:?}");
            assert_eq!(a.visibility, b.visibility);
        }
    }
}

#[test]
fn a_larger_image_shows_the_same_face() {
    let shrink = Affine::resize((384, 384), (96, 96)).unwrap();
    for index in 0..10 {
        let mut face = face(index);
        face.camera.noise = 0.0;
        let ((small, at_small), (large, at_large)) = (render(&face, 96), render(&face, 384));
        let shrunk = warp_affine(&large, &shrink, (96, 96), Filter::Area, Border::Replicate);
        let pixels = small.as_bytes().iter().zip(shrunk.as_bytes());
        let total: u32 = pixels.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let mean = total as f32 / 9216.0;
        assert!(mean < 3.0, "face {index}: {mean} gray levels per pixel");
        for (small, large) in at_small.iter().zip(at_large.map(&shrink).iter()) {
            assert!(small.distance(large) < 0.01);
        }
    }
}

#[test]
fn without_variation_every_head_looks_straight_ahead() {
    let faces = SynthFaces::new(SynthConfig {
        variation: Variation {
            yaw_degrees: 0.0,
            pitch_degrees: 0.0,
            roll_degrees: 0.0,
            scale: 0.0,
            shift: 0.0,
        },
        ..SynthConfig::default()
    })
    .unwrap();
    for index in 0..20 {
        let face = faces.params(index);
        assert_eq!([face.pose.yaw, face.pose.pitch, face.pose.roll], [0.0; 3]);
        assert_eq!((face.camera.scale, face.camera.shift), (1.0, [0.0, 0.0]));
    }
}
