//! Times of augmenting one sample, by transform and by recipe.
//!
//! ```text
//! cargo bench -p fkp-augment
//! cargo bench -p fkp-augment -- warp/256x256x3
//! ```

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fkp_augment::{
    Clahe, CoarseDropout, Contrast, Downscale, Elastic, Fill, Filter, GaussianBlur, GaussianNoise,
    GeometricStep, HueSaturation, Jpeg, MedianBlur, MotionBlur, Projective, Range, Recipe, Replay,
    Sampling, Shadow, Transform,
};
use fkp_core::{
    Affine, Augment, Border, Image, InputSpec, Keypoint, Purpose, Sample, Schema, rng_for,
};
use rayon::prelude::*;
use std::hint::black_box;

const SHAPES: [(usize, usize, usize); 2] = [(96, 96, 1), (256, 256, 3)];

fn name((width, height, channels): (usize, usize, usize)) -> String {
    format!("{width}x{height}x{channels}")
}

/// An image of smooth waves.
fn image((width, height, channels): (usize, usize, usize)) -> Image {
    let value = |i: usize| (127.0 + 80.0 * (i as f64 * 0.37).sin()) as u8;
    let data = (0..width * height * channels).map(value).collect();
    Image::new(width, height, channels, data).expect("the sizes fit")
}

fn face(shape: (usize, usize, usize)) -> Sample {
    let keypoint = |i: u16| Keypoint::new(20.0 + f32::from(i) * 4.0, 30.0 + f32::from(i) * 2.0);
    Sample::new("bench", image(shape), (0..15).map(keypoint).collect())
}

/// One fixed map of the image alone.
fn warps(criterion: &mut Criterion) {
    for shape in SHAPES {
        let image = image(shape);
        let size = image.size();
        let (w, h) = (size.0 as f64, size.1 as f64);
        let rotation = Affine::rotation_about(image.center(), 8f64.to_radians());
        let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
        let moved = [
            (0.05 * w, 0.0),
            (w, 0.08 * h),
            (0.9 * w, h),
            (0.0, 0.95 * h),
        ];
        let perspective = Projective::from_corners(corners, moved).expect("a convex quadrilateral");
        let affine = GeometricStep::new(rotation, size);
        let half = Affine::resize(size, (size.0 / 2, size.1 / 2)).expect("a valid size");
        let half = GeometricStep::new(half, (size.0 / 2, size.1 / 2));
        let cases = [
            ("affine", affine, Border::Replicate, Filter::Bilinear),
            ("reflect", affine, Border::Reflect101, Filter::Bilinear),
            ("constant", affine, Border::Constant(0), Filter::Bilinear),
            ("nearest", affine, Border::Replicate, Filter::Nearest),
            ("bicubic", affine, Border::Replicate, Filter::Bicubic),
            ("area_half", half, Border::Replicate, Filter::Area),
            (
                "perspective",
                GeometricStep::new(perspective, size),
                Border::Replicate,
                Filter::Bilinear,
            ),
        ];
        let mut group = criterion.benchmark_group(format!("warp/{}", name(shape)));
        group.throughput(Throughput::Elements((size.0 * size.1) as u64));
        for (case, step, border, interpolation) in cases {
            let sampling = Sampling {
                border,
                interpolation,
            };
            let mut replay = Replay::nothing(size, sampling);
            replay.push(step);
            group.bench_function(case, |bencher| {
                bencher.iter(|| black_box(replay.image(black_box(&image))));
            });
        }
        group.finish();
    }
}

/// Each expensive transform, and the recipes, as in a data loader: a copy of the sample, a random
/// generator, sampled parameters, image and keypoints.
fn recipes(criterion: &mut Criterion) {
    let alone = |transform: Transform| Recipe::of([transform]);
    let cases = [
        ("tutorial", Recipe::tutorial()),
        ("faces", Recipe::faces()),
        (
            "elastic",
            alone(Transform::from(Elastic {
                cells: 4,
                magnitude: Range::exactly(0.1),
            })),
        ),
        (
            "contrast",
            alone(Transform::from(Contrast {
                factor: Range::exactly(1.2),
            })),
        ),
        (
            "hue_saturation",
            alone(Transform::from(HueSaturation {
                hue_deg: Range::within(20.0),
                saturation: Range::new(0.8, 1.2),
            })),
        ),
        (
            "gaussian_noise",
            alone(Transform::from(GaussianNoise {
                sigma: Range::exactly(0.02),
            })),
        ),
        (
            "gaussian_blur",
            alone(Transform::from(GaussianBlur {
                sigma_px: Range::exactly(1.0),
            })),
        ),
        (
            "median_blur",
            alone(Transform::from(MedianBlur { radius_px: 1 })),
        ),
        (
            "motion_blur",
            alone(Transform::from(MotionBlur {
                length_px: Range::exactly(5.0),
            })),
        ),
        (
            "clahe",
            alone(Transform::from(Clahe {
                clip: Range::exactly(2.0),
                tiles: 8,
            })),
        ),
        (
            "jpeg",
            alone(Transform::from(Jpeg {
                quality: Range::exactly(50.0),
            })),
        ),
        (
            "downscale",
            alone(Transform::from(Downscale {
                factor: Range::exactly(0.5),
            })),
        ),
        (
            "coarse_dropout",
            alone(Transform::from(CoarseDropout {
                count: 2,
                width: Range::exactly(0.2),
                height: Range::exactly(0.2),
                fill: Fill::Noise,
            })),
        ),
        (
            "shadow",
            alone(Transform::from(Shadow {
                strength: Range::exactly(0.3),
            })),
        ),
    ];
    for shape in SHAPES {
        let sample = face(shape);
        let mut group = criterion.benchmark_group(format!("sample/{}", name(shape)));
        for (case, recipe) in &cases {
            let augment = recipe.compile(&Schema::kaggle15()).expect("a valid recipe");
            group.bench_function(*case, |bencher| {
                let mut index = 0;
                bencher.iter(|| {
                    index += 1;
                    let mut rng = rng_for(7, Purpose::Augment, 0, index);
                    black_box(augment.apply(sample.clone(), &mut rng))
                });
            });
        }
        group.finish();
    }
}

/// A batch as in a data loader, by number of threads: augmented copies of samples as `f32` planes.
fn batches(criterion: &mut Criterion) {
    const BATCH: usize = 64;
    let shape = SHAPES[0];
    let augment = Recipe::tutorial().compile(&Schema::kaggle15());
    let augment = augment.expect("a valid recipe");
    let sample = face(shape);
    let input = InputSpec::gray(shape.0);
    let mut values = vec![0f32; BATCH * input.len()];
    let mut group = criterion.benchmark_group(format!("batch/{}", name(shape)));
    group.throughput(Throughput::Elements(BATCH as u64));
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("threads");
        group.bench_function(format!("{threads}_threads"), |bencher| {
            pool.install(|| {
                bencher.iter(|| {
                    let places = values.par_chunks_exact_mut(input.len()).enumerate();
                    let keypoints = places.map(|(index, place)| {
                        let mut rng = rng_for(7, Purpose::Augment, 0, index as u64);
                        let augmented = augment.apply(sample.clone(), &mut rng);
                        let augmented = augmented.expect("the keypoints fit");
                        input.fill(&augmented.image, place);
                        augmented.keypoints
                    });
                    black_box(keypoints.collect::<Vec<_>>())
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, warps, recipes, batches);
criterion_main!(benches);
