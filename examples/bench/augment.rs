//! Microseconds per sample of a recipe, and of a single warp.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use fkp_augment::{
    FlipHorizontal, GeometricStep, Perspective, Projective, RandomAffine, Range, Recipe, Replay,
    Sampling, Transform,
};
use fkp_core::{
    Affine, Augment, Image, InputSpec, Keypoint, Keypoints, Purpose, Sample, Schema, rng_for,
};
use rayon::prelude::*;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The augmentation of each sample.
    #[arg(long, value_enum)]
    recipe: Name,
    /// Width, height and channels.
    #[arg(long, default_value = "96x96x1", value_parser = size)]
    size: (usize, usize, usize),
    /// Number of threads that augment samples in parallel.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Fill batches also with one thread, for a comparison with several.
    #[arg(long)]
    batch: bool,
    /// Rounds of two milliseconds.
    #[arg(long, default_value_t = 300)]
    rounds: usize,
    /// Also write the times to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Name {
    /// One fixed affine warp of an image without keypoints: bilinear, replicated border.
    Warp,
    /// The same with `imageproc`.
    WarpImageproc,
    /// One fixed perspective warp of an image without keypoints.
    WarpPerspective,
    /// Mirror with probability 1/2, then rotation ±10°, shift ±10 %, scale 0.8 to 1.2.
    FlipAffine,
    /// Corners moved by up to 10 %.
    Perspective,
    /// `Recipe::tutorial()`.
    Tutorial,
    /// `Recipe::faces()`.
    Faces,
}

fn size(text: &str) -> Result<(usize, usize, usize), String> {
    let sides: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sides.as_deref() {
        Ok(&[width, height, channels]) => Ok((width, height, channels)),
        _ => Err("expected WIDTHxHEIGHTxCHANNELS".to_owned()),
    }
}

fn recipe(name: Name) -> Recipe {
    match name {
        Name::FlipAffine => Recipe::of([
            Transform::from(FlipHorizontal {}).with_probability(0.5),
            Transform::from(RandomAffine {
                rotation_deg: Range::within(10.0),
                shift_x: Range::within(0.1),
                shift_y: Range::within(0.1),
                scale: Range::new(0.8, 1.2),
                ..RandomAffine::default()
            }),
        ]),
        Name::Perspective => Recipe::of([Perspective { magnitude: 0.1 }]),
        Name::Tutorial => Recipe::tutorial(),
        Name::Faces => Recipe::faces(),
        Name::Warp | Name::WarpImageproc | Name::WarpPerspective => Recipe::none(),
    }
}

/// An image of smooth waves, not of zeros, whose time might differ.
fn image((width, height, channels): (usize, usize, usize)) -> Result<Image> {
    let value = |i: usize| (127.0 + 80.0 * (i as f64 * 0.37).sin()) as u8;
    let data = (0..width * height * channels).map(value).collect();
    Ok(Image::new(width, height, channels, data)?)
}

pub(crate) fn run(arguments: &Arguments) -> Result<serde_json::Value> {
    let &Arguments {
        recipe: name,
        size,
        threads,
        rounds,
        ..
    } = arguments;
    anyhow::ensure!(
        threads > 0 && rounds > 0,
        "threads and rounds must be at least 1"
    );
    let image = image(size)?;
    let mut times = match name {
        Name::Warp => {
            let (map, size) = (rotation_and_scale(image.center())?, image.size());
            fixed(rounds, GeometricStep::new(map, size), &image)
        }
        Name::WarpPerspective => {
            let (w, h) = (image.width() as f64, image.height() as f64);
            let src = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
            let dst = [
                (0.05 * w, 0.0),
                (w, 0.08 * h),
                (0.9 * w, h),
                (0.0, 0.95 * h),
            ];
            let map = Projective::from_corners(src, dst)?;
            let size = image.size();
            fixed(rounds, GeometricStep::new(map, size), &image)
        }
        Name::WarpImageproc => imageproc_warp(rounds, &image)?,
        // As in a data loader with one thread, unless batches are requested.
        _ if threads == 1 && !arguments.batch => alone(rounds, &recipe(name), &image)?,
        _ => together(rounds, &recipe(name), &image, threads)?,
    };
    times.sort_by(f64::total_cmp);
    let (width, height, channels) = size;
    let recipe = name.to_possible_value();
    Ok(serde_json::json!({
        "what": "augment", "recipe": recipe.as_ref().map(|recipe| recipe.get_name()),
        "width": width, "height": height, "channels": channels, "threads": threads,
        "median_us": times[times.len() / 2], "min_us": times[0], "max_us": times[times.len() - 1],
    }))
}

fn rotation_and_scale(center: (f64, f64)) -> Result<Affine> {
    let rotated = Affine::rotation_about(center, 8f64.to_radians());
    Ok(rotated.then(&Affine::scale_about(center, 1.1, 1.1)?)?)
}

/// Microseconds per call in each of many rounds. Rounds of two milliseconds are mostly shorter than
/// the time slices of the scheduler, so that on a busy machine some rounds are undisturbed.
fn per_call(rounds: usize, mut call: impl FnMut(u64)) -> Vec<f64> {
    let mut calls = 0u64;
    let round = |calls: &mut u64, call: &mut dyn FnMut(u64)| {
        let (start, first) = (Instant::now(), *calls);
        while start.elapsed() < Duration::from_millis(2) {
            call(*calls);
            *calls += 1;
        }
        start.elapsed().as_secs_f64() * 1e6 / (*calls - first) as f64
    };
    round(&mut calls, &mut call); // warm-up
    (0..rounds).map(|_| round(&mut calls, &mut call)).collect()
}

fn fixed(rounds: usize, step: GeometricStep, image: &Image) -> Vec<f64> {
    let mut replay = Replay::nothing(image.size(), Sampling::default());
    replay.push(step);
    per_call(rounds, |_| {
        black_box(replay.image(black_box(image)));
    })
}

fn imageproc_warp(rounds: usize, image: &Image) -> Result<Vec<f64>> {
    use imageproc::geometric_transformations::{Border, Interpolation, Projection, warp};
    let [[a, b, tx], [c, d, ty]] = rotation_and_scale(image.center())?.rows();
    let rows = [a, b, tx, c, d, ty, 0.0, 0.0, 1.0].map(|v| v as f32);
    let map = Projection::from_matrix(rows).context("a singular map")?;
    let filter = Interpolation::Bilinear;
    Ok(match image::DynamicImage::from(image.clone()) {
        image::DynamicImage::ImageLuma8(gray) => per_call(rounds, |_| {
            black_box(warp(black_box(&gray), map, filter, Border::Replicate));
        }),
        other => {
            let rgb = other.into_rgb8();
            per_call(rounds, |_| {
                black_box(warp(black_box(&rgb), map, filter, Border::Replicate));
            })
        }
    })
}

fn face(image: &Image) -> Sample {
    let keypoints: Keypoints = (0..15)
        .map(|i| Keypoint::new(20.0 + i as f32 * 4.0, 30.0 + i as f32 * 2.0))
        .collect();
    Sample::new("bench", image.clone(), keypoints)
}

/// As in a data loader: a copy of the sample, a random generator, the augmentation.
fn alone(rounds: usize, recipe: &Recipe, image: &Image) -> Result<Vec<f64>> {
    let augment = recipe.compile(&Schema::kaggle15())?;
    let sample = face(image);
    Ok(per_call(rounds, |index| {
        let mut rng = rng_for(7, Purpose::Augment, 0, index);
        let augmented = augment.apply(black_box(&sample).clone(), &mut rng);
        black_box(augmented.expect("the keypoints fit"));
    }))
}

/// The same for batches of 64 on several threads, with the network's input of each sample.
fn together(rounds: usize, recipe: &Recipe, image: &Image, threads: usize) -> Result<Vec<f64>> {
    const BATCH: usize = 64;
    let augment = recipe.compile(&Schema::kaggle15())?;
    let sample = face(image);
    let input = InputSpec {
        channels: image.channels(),
        ..InputSpec::gray(image.width())
    };
    anyhow::ensure!(
        image.size() == (input.size, input.size),
        "batches are of square images"
    );
    let mut values = vec![0f32; BATCH * input.len()];
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let times = pool.install(|| {
        per_call(rounds, |epoch| {
            let places = values.par_chunks_exact_mut(input.len()).enumerate();
            let keypoints = places.map(|(index, place)| {
                let mut rng = rng_for(7, Purpose::Augment, epoch, index as u64);
                let augmented = augment.apply(black_box(&sample).clone(), &mut rng);
                let augmented = augmented.expect("the keypoints fit");
                input.fill(&augmented.image, place);
                augmented.keypoints
            });
            black_box(keypoints.collect::<Vec<_>>());
        })
    });
    Ok(times.iter().map(|time| time / BATCH as f64).collect())
}
