//! Writes a model as an ONNX file, for ONNX Runtime and other frameworks. `docs/onnx.md` says how to
//! use the file.
//!
//! ```text
//! cargo run --release --example export -- runs/X/best.safetensors model.onnx
//! cargo run --release --example export -- model.onnx                 # the pretrained model
//! ```

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fkp_examples::{check_writable, finish, model_file, say};
use fkp_model::onnx;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a model as an ONNX file.
#[derive(Parser)]
#[command(override_usage = "export [MODEL] <OUT>")]
struct Arguments {
    /// The model file (the pretrained model if absent), then the ONNX file to write.
    #[arg(num_args = 1..=2, required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    finish(export(&Arguments::parse()))
}

fn export(arguments: &Arguments) -> Result<()> {
    let (out, model) = arguments.files.split_last().context("no file to write")?;
    ensure!(
        out.extension().is_some_and(|ending| ending == "onnx"),
        "{}: the file to write must end in .onnx",
        out.display()
    );
    let (model, name) = model_file(model.first().map(PathBuf::as_path))?;
    check_writable(out)?;
    onnx::write(&model, out)?;
    say!("{name} written to {}", out.display());
    Ok(())
}
