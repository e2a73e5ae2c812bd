//! Times what the crates are judged by, from outside: a training step, a prediction, a convolution
//! with its gradients, augmentation, and reading data.
//!
//! ```text
//! cargo run --release --example bench -- step --batch 32 --threads 2 --json step.json
//! cargo run --release --example bench -- predict --batch 1 --threads 1
//! cargo run --release --example bench -- conv --shape 32,64,48 --batch 32 --threads 2
//! cargo run --release --example bench -- candle-step --batch 32 --threads 2
//! cargo run --release --example bench -- augment --recipe faces --size 96x96x1 --threads 1
//! cargo run --release --example bench -- load --data training.zip --threads 2
//! ```
//!
//! The network is the tutorial's, as `fkp-model` builds it; data is in memory; times are wall
//! milliseconds after warm-up. `candle-step` is the same step in candle's own operations.
//! candle's internal threads follow `RAYON_NUM_THREADS` alone: set it to the same number.

mod augment;
mod load;

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{ModuleT, Optimizer, VarBuilder};
use clap::{Args, Parser, Subcommand};
use fkp_core::{InputSpec, Schema};
use fkp_kernels::{Adam, AdamConfig, Conv2dConfig};
use fkp_model::{ModelCard, Network, NetworkConfig};
use fkp_train::Params;
use serde_json::json;

const POINTS: usize = 15;
const SIDE: usize = 96;

/// Time a training step, a prediction, a convolution, augmentation or reading data.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Forward, mean absolute error, backward and Adam.
    Step(Timing),
    /// Forward only, with weights that need no gradient.
    Predict(Timing),
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
}

#[derive(Args)]
struct Timing {
    /// Images per repetition.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Threads to compute with.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Repetitions; enough for about three seconds if absent.
    #[arg(long)]
    repetitions: Option<usize>,
    /// Also write the numbers to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let (timings, json) = match Arguments::parse().what {
        What::Step(timing) => (vec![step(timing.checked()?)?], timing.json),
        What::Predict(timing) => (vec![predict(timing.checked()?)?], timing.json),
        What::Conv { shape, timing } => (conv(timing.checked()?, &shape)?, timing.json),
        What::CandleStep(timing) => (vec![candle_step(timing.checked()?)?], timing.json),
        What::Augment(arguments) => (vec![augment::run(&arguments)?], arguments.json),
        What::Load(arguments) => (vec![load::run(&arguments)?], arguments.json),
    };
    for timing in &timings {
        println!("{timing}");
    }
    if let Some(path) = &json {
        let text = serde_json::to_string_pretty(&timings)?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

impl Timing {
    /// Refuses invalid arguments and sets the number of threads.
    fn checked(&self) -> Result<&Self> {
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

fn step(arguments: &Timing) -> Result<serde_json::Value> {
    let (x, target) = batch(arguments)?;
    let params = Params::new(1, &Device::Cpu);
    let network = tutorial_network(params.builder())?;
    let mut adam = Adam::new(params.named(), AdamConfig::default())?;
    measure(arguments, "step", || {
        let loss = (network.forward_t(&x, true)? - &target)?
            .abs()?
            .mean_all()?;
        let outcome = adam.step(&fkp_kernels::backward(&loss)?, 1e-3)?;
        ensure!(outcome.not_finite.is_none(), "the gradient is not finite");
        Ok(())
    })
}

fn predict(arguments: &Timing) -> Result<serde_json::Value> {
    let (x, _) = batch(arguments)?;
    let params = Params::new(1, &Device::Cpu);
    tutorial_network(params.builder())?;
    let weights = params
        .tensors()
        .into_iter()
        .map(|(name, w)| (name, w.detach()))
        .collect();
    let network = tutorial_network(VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu))?;
    measure(arguments, "predict", || {
        black_box(network.forward_t(&x, false)?);
        Ok(())
    })
}

fn conv(arguments: &Timing, shape: &[usize]) -> Result<Vec<serde_json::Value>> {
    let &[c_in, c_out, side] = shape else {
        anyhow::bail!("--shape is c_in,c_out,size");
    };
    let normal = |shape: &[usize]| Tensor::randn(0f32, 1.0, shape, &Device::Cpu);
    let x = Var::from_tensor(&normal(&[arguments.batch, c_in, side, side])?)?;
    let w = Var::from_tensor(&normal(&[c_out, c_in, 3, 3])?)?;
    let b = Var::from_tensor(&normal(&[c_out])?)?;
    let config = Conv2dConfig::new().padding(1);
    let forward = || fkp_kernels::conv2d(&x, &w, Some(&b), config);
    let mut timings = vec![
        measure(arguments, "conv forward", || {
            black_box(forward()?);
            Ok(())
        })?,
        measure_part(arguments, "conv backward", || {
            let sum = forward()?.sum_all()?;
            let start = Instant::now();
            black_box(sum.backward()?);
            Ok(start.elapsed())
        })?,
        measure(arguments, "conv forward and backward", || {
            black_box(forward()?.sum_all()?.backward()?);
            Ok(())
        })?,
    ];
    for timing in &mut timings {
        timing["shape"] = json!(shape);
    }
    Ok(timings)
}

fn candle_step(arguments: &Timing) -> Result<serde_json::Value> {
    let (x, target) = batch(arguments)?;
    let params = Params::new(1, &Device::Cpu);
    tutorial_network(params.builder())?;
    let p = params.tensors();
    let vars = params.named().into_iter().map(|(_, var)| var).collect();
    let mut adam = candle_nn::AdamW::new_lr(vars, 1e-3)?;
    measure(arguments, "candle-step", || {
        let mut y = x.clone();
        for i in 0..3 {
            let bias = p[&format!("conv{i}.bias")].reshape((1, (), 1, 1))?;
            y = y.conv2d(&p[&format!("conv{i}.weight")], 1, 1, 1, 1)?;
            y = y.broadcast_add(&bias)?.relu()?.max_pool2d(2)?;
        }
        y = y.flatten_from(1)?;
        for i in 0..2 {
            y = y.matmul(&p[&format!("dense{i}.weight")].t()?)?;
            y = y.broadcast_add(&p[&format!("dense{i}.bias")])?;
            y = if i == 0 { y.relu()? } else { y };
        }
        let loss = (y - &target)?.abs()?.mean_all()?;
        adam.backward_step(&loss)?;
        Ok(())
    })
}

fn batch(arguments: &Timing) -> Result<(Tensor, Tensor)> {
    let x = Tensor::rand(0f32, 1.0, (arguments.batch, 1, SIDE, SIDE), &Device::Cpu)?;
    let target = Tensor::rand(-1f32, 1.0, (arguments.batch, 2 * POINTS), &Device::Cpu)?;
    Ok((x, target))
}

fn tutorial_network(vb: VarBuilder) -> Result<Network> {
    let input = InputSpec::gray(SIDE);
    let card = ModelCard::new(NetworkConfig::default(), Schema::kaggle15(), input);
    Ok(card.network(vb)?)
}

/// Median, least and most milliseconds of `f`.
fn measure(
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
fn measure_part(
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
        "images_per_s": batch as f64 / median * 1e3, "peak_memory_mib": peak_memory_mib(),
    }))
}

/// The most memory this process has had, where the system tells.
fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
