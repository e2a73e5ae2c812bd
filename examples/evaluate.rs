//! Scores a model file on a data set.
//!
//! ```text
//! cargo run --release --example evaluate -- --model runs/X/best.safetensors --data ytf68 --split val
//! ```

use anyhow::{Context, Result};
use candle_core::Device;
use clap::Parser;
use fkp_data::Split;
use fkp_examples::{
    RunNotes, check_writable, finish, open_for_evaluation, say, table, use_threads, write_text,
};
use fkp_model::Landmarker;
use fkp_train::{Coordinates, Evaluator};
use std::path::PathBuf;
use std::process::ExitCode;

/// Score a model. Schema, crop and input come from the model file.
#[derive(Parser)]
struct Arguments {
    /// The model file.
    #[arg(long)]
    model: PathBuf,
    /// File or folder with annotated pictures; held-out rendered faces if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// kaggle, image-csv, pts or coco; recognised by looking if absent.
    #[arg(long)]
    format: Option<String>,
    /// train, val or all.
    #[arg(long, default_value = "val")]
    split: Split,
    /// Write the figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Pictures at a time.
    #[arg(long, default_value_t = 32)]
    batch_size: usize,
    /// Threads to compute with; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    finish(evaluate(&Arguments::parse()))
}

fn evaluate(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    if let Some(path) = &arguments.json {
        check_writable(path)?;
    }
    let landmarker = Landmarker::load(&arguments.model)?;
    let card = landmarker.card();
    let (path, format) = (arguments.data.as_deref(), arguments.format.as_deref());
    let (dataset, source) = open_for_evaluation(card, path, format, arguments.split)
        .with_context(|| format!("cannot evaluate {}", arguments.model.display()))?;
    say!("data: {}", source.description);

    let codec = Coordinates::new(card.input.frame(), RunNotes::read(card)?.loss);
    let evaluator = Evaluator {
        network: landmarker.network(),
        codec: &codec,
        input: card.input,
        batch_size: arguments.batch_size,
        device: &Device::Cpu,
    };
    let report = evaluator.run(&dataset, |_| {})?;
    if let Some(path) = &arguments.json {
        write_text(path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    say!("{}", table(&report));
    Ok(())
}
