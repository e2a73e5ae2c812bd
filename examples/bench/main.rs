//! Times what the crates are judged by, from outside: a training step, a prediction, a convolution
//! with its gradients, augmentation, reading and packing data, and finding faces.
//!
//! ```text
//! cargo run --release --example bench -- step --batch 32 --threads 2 --json step.json
//! cargo run --release --example bench -- step --network residual --batch 32 --threads 2
//! cargo run --release --example bench -- predict --network mobile --batch 1 --threads 1
//! cargo run --release --example bench -- predict --network examples/configs/landmarks68_fast.toml
//! cargo run --release --example bench -- conv --shape 32,64,48 --batch 32 --threads 2
//! cargo run --release --example bench -- candle-step --batch 32 --threads 2
//! cargo run --release --example bench -- augment --recipe faces --size 96x96x1 --threads 1
//! cargo run --release --example bench -- load --data training.zip --threads 2
//! cargo run --release --example bench -- pack --data ../shared/data/ytf68 --out ytf68.fkp
//! cargo run --release --example bench -- faces --people 20 --threads 2
//! ```
//!
//! The networks are the tutorial's with 15 keypoints on 96×96 pixels, `residual` with 68 on 96×96,
//! and `mobile` with 68 on 112×112, as `fkp-model` builds them by default, or that of a run
//! configuration. Data is in memory; times are wall milliseconds after warm-up. `candle-step` is the
//! tutorial's step in candle's own operations.
//! candle's internal threads follow `RAYON_NUM_THREADS` alone: set it to the same number.
//!
//! `added_memory_mib` is the peak of the resident memory during the work less the resident memory
//! before it, when the weights and the batch exist. Adam's state is part of what a step adds.

mod augment;
mod conv;
mod faces;
mod load;
mod memory;
mod network;
mod pack;
mod timing;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use timing::Timing;

/// Time a training step, a prediction, a convolution, augmentation, reading or packing data, or detection.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Forward, mean absolute error, backward and Adam.
    Step(network::Arguments),
    /// Forward only, with weights that need no gradient.
    Predict(network::Arguments),
    /// One 3×3 convolution: forward; backward (all three gradients); both together.
    Conv {
        /// Input channels, output channels and side of the map.
        #[arg(long, default_value = "32,64,48", value_delimiter = ',')]
        shape: Vec<usize>,
        #[command(flatten)]
        timing: Timing,
    },
    /// The step in candle's own operations.
    CandleStep(Timing),
    /// Augmentation, in microseconds per sample.
    Augment(augment::Arguments),
    /// Reading a data set.
    Load(load::Arguments),
    /// Packing a data set into one file, and the decoding of its images alone.
    Pack(pack::Arguments),
    /// The face detector, and every face with its keypoints, on a rendered photograph of many people.
    Faces(faces::Arguments),
}

fn main() -> Result<()> {
    let (timings, json) = run(Arguments::parse().what)?;
    for timing in &timings {
        println!("{timing}");
    }
    if let Some(path) = &json {
        let text = serde_json::to_string_pretty(&timings)?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The measurements, and the file that they are also written to.
fn run(what: What) -> Result<(Vec<serde_json::Value>, Option<PathBuf>)> {
    Ok(match what {
        What::Step(a) => (vec![network::step(&a)?], a.timing.json),
        What::Predict(a) => (vec![network::predict(&a)?], a.timing.json),
        What::Conv { shape, timing } => (conv::conv(timing.checked()?, &shape)?, timing.json),
        What::CandleStep(timing) => (vec![network::candle_step(timing.checked()?)?], timing.json),
        What::Augment(a) => (vec![augment::run(&a)?], a.json),
        What::Load(a) => (vec![load::run(&a)?], a.json),
        What::Pack(a) => (pack::run(&a)?, a.json),
        What::Faces(a) => (faces::run(&a)?, a.json),
    })
}
