//! Reading a data set: opening, decoding, cropping.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use clap::Args;
use fkp_core::Dataset;
use fkp_examples::{RunConfig, TrainingData, open_for_training, use_threads};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Args)]
pub(crate) struct Arguments {
    /// File or folder with annotated images.
    #[arg(long)]
    data: PathBuf,
    /// Threads that decode and crop at the same time.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Also write the crops and their keypoints to this .npz file: train_x and selection_x, u8
    /// [n, 1, 96, 96]; train_y and selection_y, f32 [n, 2·keypoints] in pixels, NaN where unlabeled.
    #[arg(long)]
    export: Option<PathBuf>,
    /// Also write the results to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<serde_json::Value> {
    use_threads(Some(arguments.threads))?;
    let mut config = RunConfig::parse(RunConfig::TUTORIAL)?;
    config.data.path = Some(arguments.data.clone());
    let started = Instant::now();
    let data = open_for_training(&config.data, &config.input)?;
    let opened = started.elapsed().as_secs_f64();
    let sets = [&data.train, &data.selection];
    for set in sets {
        (0..set.len())
            .into_par_iter()
            .try_for_each(|i| set.get(i).map(drop))?;
    }
    let read = started.elapsed().as_secs_f64() - opened;
    if let Some(path) = &arguments.export {
        export(&data, path).with_context(|| format!("{}: cannot write", path.display()))?;
    }
    let count = sets.iter().map(|set| set.len()).sum::<usize>();
    Ok(serde_json::json!({
        "what": "load", "threads": arguments.threads, "samples": count,
        "open_s": opened, "read_s": read, "samples_per_s": count as f64 / read,
    }))
}

fn export(data: &TrainingData, path: &Path) -> Result<()> {
    let mut tensors = Vec::new();
    for (name, set) in [("train", &data.train), ("selection", &data.selection)] {
        let (mut pixels, mut keypoints) = (Vec::new(), Vec::new());
        for index in 0..set.len() {
            let sample = set.get(index)?;
            pixels.extend_from_slice(sample.image.as_bytes());
            for keypoint in sample.keypoints.iter() {
                keypoints.extend(match keypoint.is_labeled() {
                    true => [keypoint.x, keypoint.y],
                    false => [f32::NAN; 2],
                });
            }
        }
        let count = set.len();
        let side = (pixels.len() as f64 / count as f64).sqrt() as usize;
        let shape = (count, 1, side, side);
        let pixels = Tensor::from_vec(pixels, shape, &Device::Cpu)?;
        let keypoints = Tensor::from_vec(keypoints, (count, 2 * data.schema.len()), &Device::Cpu)?;
        tensors.push((format!("{name}_x"), pixels));
        tensors.push((format!("{name}_y"), keypoints));
    }
    Ok(Tensor::write_npz(&tensors, path)?)
}
