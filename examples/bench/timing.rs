//! Repetitions of the same work, and their times.

use crate::memory::peak_mib;
use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Timing {
    /// Images per repetition.
    #[arg(long, default_value_t = 32)]
    pub(crate) batch: usize,
    /// Threads to compute with.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Repetitions; enough for about three seconds if absent.
    #[arg(long)]
    pub(crate) repetitions: Option<usize>,
    /// Also write the numbers to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl Timing {
    /// Refuses invalid arguments and sets the number of threads.
    pub(crate) fn checked(&self) -> Result<&Self> {
        ensure!(
            self.batch > 0 && self.threads > 0,
            "batch and threads start at 1"
        );
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build_global()?;
        Ok(self)
    }
}

/// Median, least and most milliseconds of `f`.
pub(crate) fn measure(
    arguments: &Timing,
    what: &str,
    mut f: impl FnMut() -> Result<()>,
) -> Result<serde_json::Value> {
    measure_part(arguments, what, || {
        let start = Instant::now();
        f()?;
        Ok(start.elapsed())
    })
}

/// As [`measure`], of the part of `f` that it times itself.
pub(crate) fn measure_part(
    arguments: &Timing,
    what: &str,
    mut f: impl FnMut() -> Result<Duration>,
) -> Result<serde_json::Value> {
    f()?;
    let start = Instant::now();
    f()?;
    f()?;
    let once = start.elapsed().as_secs_f64() / 2.0;
    let repetitions = arguments
        .repetitions
        .unwrap_or((3.0 / once) as usize)
        .clamp(5, 2000);
    let mut ms = Vec::with_capacity(repetitions);
    for _ in 0..repetitions {
        ms.push(f()?.as_secs_f64() * 1e3);
    }
    ms.sort_by(f64::total_cmp);
    let (batch, threads) = (arguments.batch, arguments.threads);
    let median = ms[ms.len() / 2];
    Ok(json!({
        "what": what, "batch": batch, "threads": threads, "repetitions": ms.len(),
        "median_ms": median, "min_ms": ms[0], "max_ms": ms[ms.len() - 1],
        "images_per_s": batch as f64 / median * 1e3, "peak_memory_mib": peak_mib(),
    }))
}
