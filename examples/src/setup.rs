//! What every program does first and last.

use anyhow::{Context, Result, bail};
use candle_core::Device;
use std::process::ExitCode;

/// Computes with so many threads: those of `rayon`, which the kernels, the loader and candle
/// share. 0 is an error; absent means all cores.
pub fn use_threads(threads: Option<usize>) -> Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => bail!("--threads must be at least 1, got 0"),
        Some(count) => rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build_global()
            .context("the thread pool cannot be made"),
    }
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA accelerator.
    Cuda,
    /// The first Apple accelerator.
    Metal,
}

impl DeviceChoice {
    /// Opens the device.
    pub fn open(self) -> Result<Device> {
        let (device, feature) = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda => (Device::new_cuda(0), "cuda"),
            Self::Metal => (Device::new_metal(0), "metal"),
        };
        device.with_context(|| {
            format!("no {feature} device (is this a build with `--features {feature}`?)")
        })
    }
}

/// Prints an error with its causes, one a line, and turns it into an exit code.
pub fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
