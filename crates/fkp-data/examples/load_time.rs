//! Prints how long a data set takes to open, and the memory for it, as JSON.
//!
//! ```sh
//! RAYON_NUM_THREADS=2 cargo run --release -p fkp-data --example load_time -- training.zip
//! ```

use fkp_data::{OpenOptions, open};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: load_time PATH")?;
    let start = Instant::now();
    let opened = open(path, &OpenOptions::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_mib = peak_memory_mib();
    let first = opened.dataset.get(0)?;
    let result = serde_json::json!({
        "seconds": seconds,
        "peak_mib": peak_mib,
        "samples": opened.dataset.len(),
        "pixel_mib": (opened.dataset.len() * first.image.as_bytes().len()) as f64 / (1 << 20) as f64,
    });
    println!("{result}");
    Ok(())
}

/// The largest resident memory of this process so far. Linux only.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
