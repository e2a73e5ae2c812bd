//! Evaluates a model on a data set.
//!
//! ```text
//! cargo run --release --example evaluate -- --data ytf68                  # the pretrained model
//! cargo run --release --example evaluate -- --model runs/X/best.safetensors --data ytf68 --split val
//! cargo run --release --example evaluate -- --data ytf68 --boxes jittered # with inexact boxes
//! ```

mod arguments;
mod details;
mod detection;
mod keypoints;

use anyhow::Result;
use arguments::Arguments;
use clap::Parser;
use fkp_core::OutputSpec;
use fkp_examples::{finish, model_file, use_threads};
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(evaluate(&Arguments::parse()))
}

fn evaluate(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    arguments.check_outputs()?;
    let (model, name) = model_file(arguments.model.as_deref())?;
    let task = &model.card.task;
    arguments.check_options(&name, task)?;
    match task.output {
        OutputSpec::Boxes { .. } => detection::evaluate(model, &name, arguments),
        _ => keypoints::evaluate(&model, &name, arguments),
    }
}
