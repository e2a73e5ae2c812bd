//! Measures what a sum over the ranks and a collection from them take, for the model of
//! `docs/data-parallel.md`.
//!
//! ```text
//! mpirun -n 2 cargo run --release --features mpi --example bandwidth
//! ```

use candle_core::{Device, Result, Tensor};
use fkp_mpi::MpiCommunicator;
use fkp_train::Communicator;
use std::time::Instant;

/// Measurements of each size, of which the median is printed.
const ROUNDS: usize = 31;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let communicator = MpiCommunicator::new()?;
    if communicator.rank() == 0 {
        println!("{:>10}  {:>12}  {:>12}", "bytes", "sum, ms", "collect, ms");
    }
    for values in [1usize, 1 << 10, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22] {
        let tensor = Tensor::zeros(values, candle_core::DType::F32, &Device::Cpu)?;
        let sum = median(|| communicator.all_reduce_sum(&tensor).map(|_| ()))?;
        let collect = median(|| communicator.all_gather(&tensor).map(|_| ()))?;
        if communicator.rank() == 0 {
            println!(
                "{:>10}  {:>12.3}  {:>12.3}",
                4 * values,
                1e3 * sum,
                1e3 * collect
            );
        }
    }
    communicator.finish();
    Ok(())
}

fn median(mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    operation()?;
    let mut seconds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        operation()?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[ROUNDS / 2])
}
