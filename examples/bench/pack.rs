//! Packing a data set into one file, and the decoding of its images alone.

use crate::timing::{Timing, measure_part};
use anyhow::{Context, Result};
use clap::Args;
use fkp_core::{CropRule, Dataset, InputSpec};
use fkp_data::{Cropped, OpenOptions, PackInput, PackOptions, open, pack};
use fkp_examples::use_threads;
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

#[derive(Args)]
pub(crate) struct Arguments {
    /// File or folder with annotated images.
    #[arg(long)]
    data: PathBuf,
    /// File to write, which must not exist. It is removed again.
    #[arg(long)]
    out: PathBuf,
    /// Threads to decode with.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Repetitions.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Also write the numbers to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// The times of decoding every image, of packing the files as they are, and of packing gray crops of
/// 96×96 pixels.
pub(crate) fn run(arguments: &Arguments) -> Result<Vec<serde_json::Value>> {
    let Arguments { data, out, .. } = arguments;
    use_threads(Some(arguments.threads))?;
    let opened = open(data, &OpenOptions::default())?;
    let images = &opened.complete;
    let timing = Timing {
        batch: images.len(),
        threads: arguments.threads,
        repetitions: Some(arguments.repetitions),
        json: None,
    };
    let decode = measure_part(&timing, "decode", || {
        let started = Instant::now();
        let indices = (0..images.len()).into_par_iter();
        indices.try_for_each(|index| images.get(index).map(drop))?;
        Ok(started.elapsed())
    })?;
    let rule = CropRule::for_schema(images.schema());
    let crops = Cropped::new(images.clone(), rule.clone(), InputSpec::gray(96));
    let files = PackInput::opened("images", &opened, None);
    let crops = PackInput::new("crops", Arc::new(crops)).with_crop(rule);
    let mut measured = vec![decode];
    for (what, input) in [("pack the files", files), ("pack crops", crops)] {
        let inputs = [input];
        measured.push(measure_part(&timing, what, || {
            let started = Instant::now();
            pack(&inputs, out, &PackOptions::default())?;
            let elapsed = started.elapsed();
            std::fs::remove_file(out).with_context(|| format!("removing {}", out.display()))?;
            Ok(elapsed)
        })?);
    }
    Ok(measured)
}
