//! The tracker on real and on rendered videos.

use fkp_core::{Affine, Border, Dataset, Filter, Image, Keypoints, Sample, warp_affine};
use fkp_data::{OpenOptions, Split};
use fkp_model::{Landmarker, OneEuro, Tracker, TrackerOptions};
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces};
use fkp_test_support::shared_set;
use std::collections::BTreeMap;

const FRAMES_PER_SECOND: f64 = 30.0;

/// The keypoints of the one face of a video in each frame.
fn track(frames: &[Image], smoothing: Option<OneEuro>) -> Vec<Keypoints> {
    let options = TrackerOptions {
        smoothing,
        ..TrackerOptions::default()
    };
    let tracker = Tracker::new(Landmarker::pretrained().unwrap());
    let mut tracker = tracker.with_options(options).unwrap();
    let mut tracked = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let seconds = number as f64 / FRAMES_PER_SECOND;
        let mut faces = tracker.update(frame, seconds).unwrap();
        assert_eq!(faces.len(), 1, "frame {number}");
        let face = faces.remove(0);
        assert_eq!(face.id, 0, "frame {number}");
        tracked.push(face.face.positions().clone());
    }
    tracked
}

/// x and y of each keypoint's second difference between three frames.
fn second_differences(frames: &[&Keypoints]) -> Vec<[f32; 2]> {
    let of = |keypoints: &[&Keypoints]| -> Vec<[f32; 2]> {
        let [a, b, c] = keypoints else {
            unreachable!("windows of three")
        };
        let triples = a.iter().zip(b.iter()).zip(c.iter());
        triples
            .map(|((a, b), c)| [a.x - 2.0 * b.x + c.x, a.y - 2.0 * b.y + c.y])
            .collect()
    };
    frames.windows(3).flat_map(of).collect()
}

/// The mean distance between the second differences of two tracks, in pixels.
fn jitter(found: &[Keypoints], labels: &[&Keypoints]) -> f64 {
    let found = second_differences(&found.iter().collect::<Vec<_>>());
    let labels = second_differences(labels);
    let distances = found.iter().zip(&labels);
    let distances = distances.map(|(a, b)| f64::from((a[0] - b[0]).hypot(a[1] - b[1])));
    distances.sum::<f64>() / labels.len() as f64
}

/// Five videos of people who change their expression in a laboratory.
#[test]
fn smoothing_halves_the_jitter_of_faces_in_a_video() {
    let Some(folder) = shared_set("ckplus") else {
        return;
    };
    let options = OpenOptions {
        split: Split::All,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(&folder, &options).unwrap().dataset;
    let mut videos: BTreeMap<String, Vec<(String, Sample)>> = BTreeMap::new();
    for index in 0..opened.len() {
        let sample = opened.get(index).unwrap();
        // SUBJECT_SEQUENCE_FRAME.jpg
        let (video, frame) = sample.id.rsplit_once('_').unwrap();
        let (video, frame) = (video.to_owned(), frame.to_owned());
        let frames = videos.entry(video).or_default();
        frames.push((frame, sample));
    }
    assert_eq!(videos.len(), 5);
    let (mut raw, mut smooth, mut frames) = (0.0, 0.0, 0.0);
    for (video, mut samples) in videos {
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        let images: Vec<Image> = samples.iter().map(|(_, s)| s.image.clone()).collect();
        let labels: Vec<&Keypoints> = samples.iter().map(|(_, s)| &s.keypoints).collect();
        let of = |smoothing| jitter(&track(&images, smoothing), &labels);
        let (without, with) = (of(None), of(Some(OneEuro::default())));
        println!("{video}: {without:.3} px, smoothed {with:.3} px");
        let count = images.len() as f64;
        (raw, smooth, frames) = (raw + count * without, smooth + count * with, frames + count);
    }
    let (raw, smooth) = (raw / frames, smooth / frames);
    println!(
        "jitter {raw:.3} px, smoothed {smooth:.3} px, ratio {:.2}",
        smooth / raw
    );
    assert!(smooth <= 0.5 * raw, "{smooth} of {raw} px");
}

/// The known shift of the face at a time, in pixels.
fn path(seconds: f64, amplitude_px: f64) -> (f64, f64) {
    let angle = std::f64::consts::TAU * 0.5 * seconds;
    (
        amplitude_px * angle.sin(),
        0.6 * amplitude_px * (2.0 * angle).sin(),
    )
}

/// The delay of the smoothed positions in frames: that at which they differ least from the path.
fn lag(found: &[Keypoints], amplitude_px: f64) -> f64 {
    let mean = |keypoints: &Keypoints| {
        let n = keypoints.len() as f64;
        let sum = keypoints.iter().fold((0.0, 0.0), |(x, y), p| {
            (x + f64::from(p.x), y + f64::from(p.y))
        });
        (sum.0 / n, sum.1 / n)
    };
    let found: Vec<(f64, f64)> = found.iter().map(mean).collect();
    let error = |delay: f64| {
        let differences: Vec<(f64, f64)> = found
            .iter()
            .enumerate()
            .skip(15)
            .map(|(number, (x, y))| {
                let (dx, dy) = path((number as f64 - delay) / FRAMES_PER_SECOND, amplitude_px);
                (x - dx, y - dy)
            })
            .collect();
        let n = differences.len() as f64;
        let center = differences
            .iter()
            .fold((0.0, 0.0), |(x, y), d| (x + d.0 / n, y + d.1 / n));
        differences
            .iter()
            .map(|d| (d.0 - center.0).powi(2) + (d.1 - center.1).powi(2))
            .sum::<f64>()
    };
    let delays = (0..=60).map(|step| f64::from(step) / 20.0);
    let best = delays.min_by(|a, b| error(*a).total_cmp(&error(*b)));
    best.unwrap()
}

/// A rendered head that moves along a known path, slowly and fast.
#[test]
fn smoothed_keypoints_follow_a_moving_head_within_a_frame() {
    let faces = SynthFaces::new(SynthConfig {
        count: 4,
        size: 128,
        seed: 5,
        keypoints: KeypointSet::Ibug68,
        ..SynthConfig::default()
    });
    let faces = faces.unwrap();
    for index in 0..faces.len() {
        let face = faces.get(index).unwrap().image;
        for amplitude_px in [10.0, 40.0] {
            let frame = |number: usize| {
                let (dx, dy) = path(number as f64 / FRAMES_PER_SECOND, amplitude_px);
                let map = Affine::translation(96.0 + dx, 56.0 + dy);
                warp_affine(
                    &face,
                    &map,
                    (320, 240),
                    Filter::Bilinear,
                    Border::Constant(90),
                )
            };
            let frames: Vec<Image> = (0..75).map(frame).collect();
            let smooth = lag(&track(&frames, Some(OneEuro::default())), amplitude_px);
            let raw = lag(&track(&frames, None), amplitude_px);
            println!("face {index}, {amplitude_px} px: {smooth:.2} frames, not smoothed {raw:.2}");
            assert!(
                smooth < 1.0,
                "face {index}, {amplitude_px} px: {smooth} frames"
            );
            assert!(raw < 0.2, "face {index}, {amplitude_px} px: {raw} frames");
        }
    }
}
