//! Threads, device and exit code of the programs.

use anyhow::{Context, Result, bail};
use candle_core::Device;
use std::process::ExitCode;

/// Sets the number of threads of the global `rayon` pool, which the kernels, the loader and candle
/// share. `None` is all cores; 0 is an error.
pub fn use_threads(threads: Option<usize>) -> Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => bail!("--threads must be at least 1, got 0"),
        Some(count) => rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build_global()
            .context("cannot create the thread pool"),
    }
}

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The CPU.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
    /// The first Apple GPU.
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

/// Prints an error and its causes, one per line, and returns the exit code.
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
