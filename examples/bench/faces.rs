//! From a whole image to the keypoints of every face.

use crate::timing::{Timing, measure};
use anyhow::{Result, bail};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use fkp_core::{Dataset, Sample};
use fkp_examples::{detector, landmarker};
use fkp_synth::camera::Channels;
use fkp_synth::{HeadCounts, SceneConfig, SynthScenes};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// People in the rendered photograph, with faces of 50 to 90 px.
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(1..=40))]
    people: usize,
    /// Side of the photograph in pixels.
    #[arg(long, default_value_t = 640)]
    size: usize,
    /// Model of the keypoints: a file or the name of a pretrained one.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Face detector: a file or the name of a pretrained one.
    #[arg(long)]
    detector: Option<PathBuf>,
    /// Threads to compute with.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Repetitions; enough for about three seconds if absent.
    #[arg(long)]
    repetitions: Option<usize>,
    /// Also write the numbers to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// The times of the face detector alone, and of the faces with their keypoints.
pub(crate) fn run(arguments: &Arguments) -> Result<Vec<serde_json::Value>> {
    let timing = Timing {
        batch: 1,
        threads: arguments.threads,
        repetitions: arguments.repetitions,
        json: None,
    };
    timing.checked()?;
    let scene = photograph(arguments)?;
    let labeled = faces(&scene);
    let (detector, _) = detector(arguments.detector.as_deref())?;
    let (landmarker, _) = landmarker(arguments.model.as_deref())?;
    let landmarker = landmarker.with_detector(detector.clone());
    let mut found = 0;
    let alone = measure(&timing, "detect", || {
        found = detector.detect(&scene.image)?.len();
        Ok(())
    })?;
    let mut measured = vec![with_counts(alone, labeled, found)];
    let all = measure(&timing, "detect_faces", || {
        found = landmarker.detect_faces(&scene.image)?.len();
        Ok(())
    })?;
    measured.push(with_counts(all, labeled, found));
    Ok(measured)
}

/// A scene with at least so many faces in sight: of more heads, because some cover others.
fn photograph(arguments: &Arguments) -> Result<Sample> {
    let &Arguments { people, size, .. } = arguments;
    for heads in people..=4 * people {
        let scenes = SynthScenes::new(SceneConfig {
            size,
            count: 1,
            channels: Channels::Rgb,
            heads: HeadCounts {
                few: [heads; 2],
                group_probability: 0.0,
                crowd_probability: 0.0,
                ..HeadCounts::default()
            },
            face_heights: [50.0, 90.0],
            from_behind: 0.0,
            decoys: [0, 0],
            ..SceneConfig::default()
        })?;
        let scene = scenes.get(0)?;
        if faces(&scene) >= people {
            return Ok(scene);
        }
    }
    bail!("{people} faces of 50 to 90 px do not fit into {size}×{size} pixels")
}

/// Number of faces that are to be found.
fn faces(scene: &Sample) -> usize {
    scene.boxes.iter().filter(|face| !face.ignore).count()
}

fn with_counts(mut times: serde_json::Value, labeled: usize, found: usize) -> serde_json::Value {
    times["faces_labeled"] = labeled.into();
    times["faces_found"] = found.into();
    times
}
