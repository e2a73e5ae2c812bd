//! Augmenting a sample does not allocate once the thread has its buffers. This is a test binary of
//! its own, because the counting allocator is global.

#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

use fkp_augment::{
    Brightness, Clahe, CoarseDropout, Contrast, Downscale, Elastic, Equalize, FaceBoxCrop, Fill,
    Filter, FlipHorizontal, FlipVertical, Gamma, GaussianBlur, GaussianNoise, Gray, GridDistortion,
    HueSaturation, Invert, Jpeg, KeypointSafeCrop, Letterbox, LightGradient, MedianBlur,
    MotionBlur, Pad, Perspective, PoissonNoise, RandomAffine, RandomBoxCrop, RandomCrop,
    RandomResizedCrop, Range, Recipe, Resize, Rotate90, SaltAndPepper, Shadow, Sharpen, SomeOf,
    Standardize, Transform,
};
use fkp_core::{
    Augment, BoundingBox, FaceBox, Image, InputSpec, Keypoint, Keypoints, Purpose, Sample, Schema,
    rng_for,
};

const BATCH: usize = 4;
const EPOCHS: u64 = 6;

fn samples((width, height, channels): (usize, usize, usize)) -> Vec<Sample> {
    let image = |i: usize| {
        let value = |j: usize| (127.0 + 90.0 * ((i + j) as f64 * 0.37).sin()) as u8;
        let data = (0..width * height * channels).map(value).collect();
        Image::new(width, height, channels, data).unwrap()
    };
    let sample = |i: usize| {
        let keypoints: Keypoints = (0..15)
            .map(|p| Keypoint::new(10.0 + p as f32, 8.0 + i as f32))
            .collect();
        Sample {
            face_box: Some(FaceBox::face(BoundingBox {
                x: 6.0,
                y: 5.0,
                width: 24.0,
                height: 26.0,
            })),
            ..Sample::new("face", image(i), keypoints)
        }
    };
    (0..BATCH).map(sample).collect()
}

/// The number of allocations of some epochs, after the same epochs were run once.
fn allocations(recipe: &Recipe, shape: (usize, usize, usize)) -> u64 {
    let (width, height, channels) = shape;
    let pipeline = recipe.compile(&Schema::kaggle15()).unwrap();
    let fresh = samples(shape);
    // Samples are taken out and put back, so that they keep the buffers that they were given.
    let mut slots: Vec<_> = fresh.iter().cloned().map(Some).collect();
    let input = InputSpec {
        channels,
        ..InputSpec::gray(width)
    };
    let mut values = vec![0.0; input.len()];
    let mut augment = |epoch: u64| {
        for (index, (slot, fresh)) in slots.iter_mut().zip(&fresh).enumerate() {
            let mut sample = slot.take().unwrap();
            // As in a data loader: another image in a buffer of the same shape.
            sample
                .image
                .as_bytes_mut()
                .copy_from_slice(fresh.image.as_bytes());
            sample.keypoints.copy_from_slice(&fresh.keypoints);
            sample.face_box = fresh.face_box;
            let mut rng = rng_for(3, Purpose::Augment, epoch, index as u64);
            let sample = slot.insert(pipeline.apply(sample, &mut rng).unwrap());
            if width == height {
                input.fill(&sample.image, &mut values);
            }
        }
    };
    (0..EPOCHS).for_each(&mut augment);
    // The same epochs again, so that no step is sampled for the first time.
    let again = || (0..EPOCHS).for_each(&mut augment);
    allocation_counter::measure(again).count_total
}

/// The counter works.
#[test]
fn one_allocation_is_counted() {
    let made = allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 100])));
    assert_eq!(made.count_total, 1);
}

#[test]
fn recipes_allocate_nothing_per_sample() {
    for recipe in [Recipe::none(), Recipe::tutorial(), Recipe::faces()] {
        for shape in [(48, 40, 1), (33, 47, 3), (44, 44, 1), (37, 37, 3)] {
            assert_eq!(allocations(&recipe, shape), 0, "{recipe:?}");
        }
    }
}

fn every_transform() -> Vec<Transform> {
    let one = Range::exactly;
    vec![
        Transform::from(FlipHorizontal {}),
        Transform::from(FlipVertical {}),
        Transform::from(Rotate90 { turns: vec![0, 2] }),
        Transform::from(RandomAffine {
            rotation_deg: Range::within(20.0),
            ..RandomAffine::default()
        }),
        Transform::from(Perspective { magnitude: 0.1 }),
        Transform::from(Elastic {
            cells: 4,
            magnitude: one(0.1),
        }),
        Transform::from(GridDistortion {
            cells: 4,
            magnitude: one(0.3),
        }),
        Transform::from(Pad {
            left: 3,
            top: 4,
            right: 5,
            bottom: 6,
        }),
        Transform::from(RandomCrop {
            width: 30,
            height: 30,
        }),
        Transform::from(KeypointSafeCrop {
            width: 32,
            height: 32,
            margin: 0.1,
        }),
        Transform::from(FaceBoxCrop {
            side: 36,
            scale: Range::new(1.0, 1.3),
            shift: 0.1,
        }),
        Transform::from(RandomBoxCrop {
            width: 34,
            height: 38,
            side_px: Range::new(8.0, 20.0),
            max_zoom: 2.0,
        }),
        Transform::from(RandomResizedCrop {
            width: 40,
            height: 44,
            area: Range::new(0.5, 1.0),
            aspect: Range::new(0.8, 1.25),
        }),
        Transform::from(Letterbox {
            width: 50,
            height: 40,
        }),
        Transform::from(Brightness { add: one(0.1) }),
        Transform::from(Contrast { factor: one(1.2) }),
        Transform::from(Gamma { gamma: one(0.8) }),
        Transform::from(Invert {}),
        Transform::from(HueSaturation {
            hue_deg: one(20.0),
            saturation: one(1.2),
        }),
        Transform::from(Gray {}),
        Transform::from(GaussianNoise { sigma: one(0.02) }),
        Transform::from(PoissonNoise {
            photons: one(100.0),
        }),
        Transform::from(SaltAndPepper {
            fraction: one(0.02),
        }),
        Transform::from(GaussianBlur {
            sigma_px: Range::new(0.5, 2.0),
        }),
        Transform::from(MedianBlur { radius_px: 2 }),
        Transform::from(MotionBlur {
            length_px: one(5.0),
        }),
        Transform::from(Sharpen { amount: one(0.5) }),
        Transform::from(Clahe {
            clip: one(2.0),
            tiles: 8,
        }),
        Transform::from(Equalize {}),
        Transform::from(Jpeg {
            quality: Range::new(20.0, 90.0),
        }),
        Transform::from(Downscale {
            factor: Range::new(0.3, 0.8),
        }),
        Transform::from(CoarseDropout {
            count: 4,
            width: one(0.2),
            height: one(0.2),
            fill: Fill::Noise,
        }),
        Transform::from(Shadow { strength: one(0.3) }),
        Transform::from(LightGradient { strength: one(0.3) }),
        Transform::from(Standardize {
            mean: 0.5,
            std: 0.2,
        }),
    ]
}

/// All transforms in one list, with every border and interpolation, geometric ones before, between
/// and after the others.
#[test]
fn long_chains_allocate_nothing_per_sample() {
    for shape in [(41, 37, 3), (39, 39, 1)] {
        long_chains(shape);
    }
}

fn long_chains(shape: (usize, usize, usize)) {
    let back = Transform::from(Resize {
        width: shape.0,
        height: shape.1,
    });
    let mut chain = every_transform();
    chain.push(back.clone());
    let mut mixed = every_transform();
    // Photometric transforms between geometric ones: the image is resampled several times.
    mixed.rotate_left(13);
    mixed.push(back.clone());
    let selected = vec![
        Transform::from(SomeOf {
            count: 6,
            transforms: every_transform(),
        }),
        back,
    ];
    for transforms in [chain, mixed, selected] {
        for interpolation in [
            Filter::Nearest,
            Filter::Bilinear,
            Filter::Bicubic,
            Filter::Area,
        ] {
            for border in [
                fkp_core::Border::Constant(9),
                fkp_core::Border::Replicate,
                fkp_core::Border::Wrap,
            ] {
                let recipe = Recipe {
                    interpolation,
                    border,
                    ..Recipe::of(transforms.clone())
                };
                assert_eq!(
                    allocations(&recipe, shape),
                    0,
                    "{interpolation:?} {border:?}"
                );
            }
        }
    }
}
