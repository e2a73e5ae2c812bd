//! What covers a face: occlusion of keypoints, mirror images, and parameters at their limits.

use fkp_core::{Image, Keypoints, Purpose, Visibility, rng_for};
use fkp_synth::camera::{Camera, Channels};
use fkp_synth::distribution::Probability;
use fkp_synth::params::{
    Accessories, CropAround, Hand, HatKind, MaskKind, Object, ObjectKind, Pattern, Wrist,
};
use fkp_synth::{FaceDistribution, FaceParams, KeypointSet, render};

const SIZE: usize = 96;
const EYES: std::ops::Range<usize> = 36..48;
const MOUTH: std::ops::Range<usize> = 48..68;
const NOSE_TIP: usize = 30;
const CHIN: usize = 8;

/// Faces that look at the camera without anything in front of them, but with every accessory
/// sampled into the second value.
fn faces(count: u64) -> impl Iterator<Item = (FaceParams, Accessories)> {
    let mut faces = FaceDistribution::default();
    faces.view.crop = CropAround::FaceBox(0.6);
    let worn = &mut faces.accessories;
    worn.glasses.sunglasses = Probability(1.0);
    worn.mask.worn = Probability(1.0);
    worn.mask.slid = Probability(0.0);
    worn.hat.worn = Probability(1.0);
    worn.scarf.worn = Probability(1.0);
    worn.hand.present = Probability(1.0);
    worn.object.present = Probability(1.0);
    worn.foreground.present = Probability(1.0);
    (0..count).map(move |index| {
        let mut face = faces.sample(&mut rng_for(7, Purpose::Render, 0, index));
        let worn = std::mem::take(&mut face.accessories);
        face.pose.yaw *= 0.2;
        face.pose.pitch *= 0.2;
        face.pose.roll = 0.0;
        face.view.shift = [0.0; 2];
        face.view.scale = 1.0;
        face.hair.length = 0.0;
        face.hair.line = face.hair.line.min(-1.6);
        face.camera = Camera::NEUTRAL;
        (face, worn)
    })
}

fn rendered(face: &FaceParams) -> (Image, Keypoints) {
    render(face, SIZE, Channels::Rgb, KeypointSet::Ibug68)
}

/// How many of these keypoints are occluded.
fn occluded(keypoints: &Keypoints, which: impl IntoIterator<Item = usize>) -> usize {
    let is_occluded = |index: &usize| keypoints[*index].visibility == Visibility::Occluded;
    which.into_iter().filter(is_occluded).count()
}

fn hand_at(at: [f32; 2], worn: &Accessories) -> Hand {
    Hand {
        at,
        angle: 0.0,
        lift: 0.0,
        size: 0.9,
        thumb_at_larger_x: at[0] > 0.0,
        curl: [0.2; 4],
        spread: 0.0,
        thumb: 0.0,
        wrist: Wrist {
            angle: 0.0,
            bare: 2.0,
            sleeve: worn.scarf.map_or_else(
                || worn.hat.expect("one of them").fabric,
                |scarf| scarf.fabric,
            ),
        },
        polish: (0.0, [0.0; 3]),
    }
}

#[test]
fn accessories_move_no_keypoint() {
    for (bare, worn) in faces(6) {
        let dressed = FaceParams {
            accessories: worn,
            ..bare.clone()
        };
        let (_, before) = rendered(&bare);
        let (_, after) = rendered(&dressed);
        for (a, b) in before.iter().zip(after.iter()) {
            assert_eq!((a.x, a.y), (b.x, b.y));
        }
    }
}

#[test]
fn sunglasses_occlude_the_eyes_and_clear_glasses_do_not() {
    for (mut face, worn) in faces(12) {
        let mut glasses = worn.glasses.expect("the probability is 1");
        glasses.half_size[1] = glasses.half_size[1].max(0.6);
        glasses.slide = 0.0;
        glasses.lens.color = [0.02; 3];
        for (density, hidden) in [(1.0, true), (0.0, false)] {
            glasses.lens.density = [density; 2];
            glasses.lens.mirror = 0.0;
            face.accessories.glasses = Some(glasses);
            let (_, keypoints) = rendered(&face);
            let eyes = occluded(&keypoints, EYES);
            assert!(
                if hidden { eyes >= 10 } else { eyes <= 4 },
                "{eyes} of 12 at density {density}"
            );
            assert_eq!(occluded(&keypoints, MOUTH), 0);
        }
    }
}

#[test]
fn masks_occlude_mouth_and_nose_but_not_the_eyes() {
    let mut tips = 0;
    for (mut face, worn) in faces(24) {
        let mask = worn.mask.expect("the probability is 1");
        let (_, bare) = rendered(&face);
        face.accessories.mask = Some(mask);
        let (_, keypoints) = rendered(&face);
        assert_eq!(occluded(&keypoints, MOUTH), 20, "{mask:?}");
        assert_eq!(occluded(&keypoints, [CHIN]), 1, "{mask:?}");
        // A long nose may push its tip through the cloth.
        tips += occluded(&keypoints, [NOSE_TIP]);
        assert_eq!(
            occluded(&keypoints, EYES),
            occluded(&bare, EYES),
            "{mask:?}"
        );
    }
    assert!(tips >= 20, "{tips} of 24 tips of noses are covered");
}

#[test]
fn a_mask_below_the_nose_leaves_it_visible() {
    for (mut face, worn) in faces(8) {
        face.accessories.mask = worn.mask.map(|mut mask| {
            mask.top = 1.6;
            mask.kind = MaskKind::Surgical;
            mask
        });
        let (_, keypoints) = rendered(&face);
        assert_eq!(occluded(&keypoints, [NOSE_TIP]), 0);
        assert!(occluded(&keypoints, MOUTH) >= 16);
    }
}

#[test]
fn hands_occlude_what_is_under_them_and_nothing_else() {
    for (mut face, worn) in faces(8) {
        // The palm over the subject's left eye.
        face.accessories.hand = Some(hand_at([1.1, -0.2], &worn));
        let (_, keypoints) = rendered(&face);
        let eye = occluded(&keypoints, 42..48);
        assert!(eye >= 5, "{eye} of 6 at the left eye");
        assert_eq!(occluded(&keypoints, 36..42), 0, "the right eye");
        // Over the mouth.
        let hand = hand_at([0.3, 1.7], &worn);
        face.accessories.hand = Some(Hand {
            angle: -1.3,
            at: [-0.2, 2.05],
            ..hand
        });
        let (_, keypoints) = rendered(&face);
        let mouth = occluded(&keypoints, MOUTH);
        assert!(mouth >= 12, "{mouth} of 20 at the mouth");
        assert_eq!(occluded(&keypoints, EYES), 0, "the eyes");
    }
}

#[test]
fn headscarves_occlude_the_sides_of_the_face_only() {
    for (mut face, worn) in faces(8) {
        face.accessories.hat = worn.hat.map(|mut hat| {
            hat.kind = HatKind::Hijab;
            hat.line = -1.5;
            hat
        });
        let (_, keypoints) = rendered(&face);
        assert!(occluded(&keypoints, [0, 1, 15, 16]) >= 2);
        assert_eq!(occluded(&keypoints, EYES), 0);
        assert_eq!(occluded(&keypoints, MOUTH), 0);
    }
}

#[test]
fn a_microphone_occludes_only_near_its_tip() {
    for (mut face, worn) in faces(8) {
        let Some(object) = worn.object else { continue };
        face.accessories.object = Some(Object {
            kind: ObjectKind::Microphone,
            at: [0.0, 2.3],
            lift: 0.3,
            angle: 0.0,
            forward: 0.6,
            size: 1.0,
            held: true,
            ..object
        });
        let (_, keypoints) = rendered(&face);
        assert!(occluded(&keypoints, [57, 66, 8]) >= 2);
        assert_eq!(occluded(&keypoints, EYES), 0);
    }
}

/// The accessories one by one.
fn each(worn: &Accessories) -> [Accessories; 7] {
    let none = Accessories::default();
    [
        Accessories {
            glasses: worn.glasses,
            ..none.clone()
        },
        Accessories {
            mask: worn.mask,
            ..none.clone()
        },
        Accessories {
            hat: worn.hat,
            ..none.clone()
        },
        Accessories {
            scarf: worn.scarf,
            ..none.clone()
        },
        Accessories {
            hand: worn.hand,
            ..none.clone()
        },
        Accessories {
            object: worn.object,
            ..none.clone()
        },
        Accessories {
            foreground: worn.foreground,
            ..none
        },
    ]
}

/// Mean difference in gray levels between blocks of an image and those of the mirror image of
/// another. Pixels at outlines differ, because quads are split into other triangles.
fn from_mirror_image(image: &Image, other: &Image) -> f32 {
    const BLOCK: usize = 6;
    let mut sums = vec![0.0_f32; 3 * (SIZE / BLOCK).pow(2)];
    for y in 0..SIZE {
        for x in 0..SIZE {
            let block = 3 * (y / BLOCK * (SIZE / BLOCK) + x / BLOCK);
            let pair = image.pixel(x, y).iter().zip(other.pixel(SIZE - 1 - x, y));
            for (sum, (a, b)) in sums[block..].iter_mut().zip(pair) {
                *sum += f32::from(*a) - f32::from(*b);
            }
        }
    }
    let count = sums.len() as f32;
    sums.into_iter().map(f32::abs).sum::<f32>() / count / (BLOCK * BLOCK) as f32
}

#[test]
fn mirrored_accessories_render_the_mirror_image() {
    for (mut face, mut worn) in faces(16) {
        // Fine patterns show where quads are split into triangles.
        let cloth = [
            worn.hat.as_mut().map(|hat| &mut hat.fabric),
            worn.scarf.as_mut().map(|scarf| &mut scarf.fabric),
        ];
        for fabric in cloth.into_iter().flatten() {
            fabric.pattern = Pattern::Plain;
        }
        let (bare, mirror) = (rendered(&face).0, rendered(&face.mirrored()).0);
        let usual = from_mirror_image(&bare, &mirror);
        for accessories in each(&worn) {
            face.accessories = accessories;
            let (image, keypoints) = rendered(&face);
            let (mirror, mirrored) = rendered(&face.mirrored());
            let difference = from_mirror_image(&image, &mirror);
            assert!(
                difference < usual + 0.6,
                "{difference} gray levels, {usual} without: {:?}",
                face.accessories
            );
            let [a, b] = [&keypoints, &mirrored].map(|keypoints| occluded(keypoints, 0..68));
            assert!(a.abs_diff(b) <= 4, "{a} and {b} keypoints are occluded");
        }
    }
}

#[test]
fn the_same_parameters_give_the_same_bytes() {
    for (mut face, worn) in faces(3) {
        face.accessories = worn;
        assert_eq!(rendered(&face), rendered(&face));
    }
}

#[test]
fn parameters_at_their_limits_render() {
    for (index, (mut face, mut worn)) in faces(12).enumerate() {
        let low = index % 2 == 0;
        let pick = |a: f32, b: f32| if low { a } else { b };
        if let Some(glasses) = &mut worn.glasses {
            glasses.half_size = [pick(0.05, 2.0); 2];
            glasses.rim = pick(0.0, 0.5);
            glasses.slide = pick(-1.0, 3.0);
            glasses.lens.glare = pick(0.0, 20.0);
        }
        if let Some(mask) = &mut worn.mask {
            mask.top = pick(-3.0, 9.0);
            mask.width = pick(0.0, 3.0);
            mask.puff = pick(0.0, 2.0);
        }
        if let Some(hat) = &mut worn.hat {
            hat.line = pick(-6.0, 3.0);
            hat.brim = pick(0.0, 5.0);
            hat.height = pick(0.0, 3.0);
        }
        if let Some(scarf) = &mut worn.scarf {
            scarf.top = pick(-1.0, 9.0);
            scarf.thickness = pick(0.0, 3.0);
        }
        if let Some(hand) = &mut worn.hand {
            hand.at = [pick(-9.0, 9.0), pick(-9.0, 9.0)];
            hand.curl = [pick(0.0, 3.0); 4];
            hand.size = pick(0.0, 3.0);
            hand.wrist.bare = pick(0.0, 30.0);
        }
        if let Some(object) = &mut worn.object {
            object.at = [pick(-9.0, 9.0), pick(-9.0, 9.0)];
            object.size = pick(0.0, 4.0);
            object.forward = pick(-2.0, 2.0);
        }
        if let Some(foreground) = &mut worn.foreground {
            foreground.size = pick(0.0, 5.0);
            foreground.blur = pick(0.0, 3.0);
        }
        face.accessories = worn;
        let (_, keypoints) = rendered(&face);
        assert!(keypoints.iter().all(|k| k.x.is_finite() && k.y.is_finite()));
    }
}

#[test]
fn the_distribution_has_the_stated_frequencies() {
    let faces = FaceDistribution::default();
    let count = 4000;
    let mut seen = [0_u32; 7];
    for index in 0..count {
        let worn = faces
            .sample(&mut rng_for(3, Purpose::Render, 0, index))
            .accessories;
        let has = [
            worn.glasses.is_some(),
            worn.mask.is_some(),
            worn.hat.is_some(),
            worn.scarf.is_some(),
            worn.hand.is_some(),
            worn.object.is_some(),
            worn.foreground.is_some(),
        ];
        for (seen, has) in seen.iter_mut().zip(has) {
            *seen += u32::from(has);
        }
        let scarf_and_veil =
            worn.scarf.is_some() && worn.hat.is_some_and(|hat| hat.kind == HatKind::Hijab);
        assert!(!scarf_and_veil);
    }
    let share = seen.map(|seen| seen as f32 / count as f32);
    let expected = [0.2, 0.04, 0.1, 0.033, 0.047, 0.057, 0.04];
    for (share, expected) in share.into_iter().zip(expected) {
        assert!(
            (share - expected).abs() < 0.3 * expected,
            "{share} against {expected}"
        );
    }
}
