//! A training step and a prediction of a network of `fkp-model`.

use crate::memory::Idle;
use crate::timing::{Timing, measure};
use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, Optimizer, VarBuilder};
use clap::Args;
use fkp_core::{InputSpec, Schema};
use fkp_examples::RunConfig;
use fkp_kernels::{Adam, AdamConfig};
use fkp_model::{InferencePlan, MobileConfig, ModelCard, Network, NetworkConfig, ResidualConfig};
use fkp_train::Params;
use std::hint::black_box;
use std::path::Path;

/// The network that is measured by default.
const TUTORIAL: &str = "tutorial";

#[derive(Args)]
pub(crate) struct Arguments {
    /// tutorial, residual, mobile, or a run configuration (a .toml file), whose tables `network`,
    /// `input`, `output` and `data.schema` are used.
    #[arg(long, default_value = TUTORIAL)]
    network: String,
    #[command(flatten)]
    pub(crate) timing: Timing,
}

/// The network that is measured.
struct Subject {
    name: String,
    card: ModelCard,
}

impl Subject {
    fn new(name: &str) -> Result<Self> {
        let card = match name {
            TUTORIAL => ModelCard::new(
                NetworkConfig::default(),
                Schema::kaggle15(),
                InputSpec::gray(96),
            ),
            "residual" => ModelCard::new(
                NetworkConfig::Residual(ResidualConfig::default()),
                Schema::ibug68(),
                InputSpec::gray(96),
            ),
            "mobile" => ModelCard::new(
                NetworkConfig::Mobile(MobileConfig::default()),
                Schema::ibug68(),
                InputSpec::gray(112),
            ),
            file => {
                ensure!(
                    file.ends_with(".toml"),
                    "--network is tutorial, residual, mobile or a .toml file, got {file}"
                );
                let config = RunConfig::read(Path::new(file))?;
                let schema = &config.data.schema;
                let schema = Schema::by_name(schema)
                    .with_context(|| format!("{file}: `{schema}` is not a built-in schema"))?;
                let mut card = ModelCard::new(config.network, schema, config.input);
                card.task.output = config.output;
                card
            }
        };
        let name = name.to_owned();
        Ok(Self { name, card })
    }

    /// Images and values to compare the network's output with.
    fn batch(&self, network: &Network, count: usize) -> Result<(Tensor, Tensor)> {
        let task = &self.card.task;
        let InputSpec { size, channels, .. } = task.input;
        let x = Tensor::rand(0f32, 1.0, (count, channels, size, size), &Device::Cpu)?;
        let mut shape = match task.output.vector_len(task.schema.len()) {
            Some(len) => vec![count, len],
            // The size of maps depends on the network.
            None => network
                .forward_t(&x.narrow(0, 0, 1)?, false)?
                .dims()
                .to_vec(),
        };
        shape[0] = count;
        let target = Tensor::rand(-1f32, 1.0, shape, &Device::Cpu)?;
        Ok((x, target))
    }
}

/// Forward, mean absolute error, backward and Adam, whose state is part of the added memory.
pub(crate) fn step(arguments: &Arguments) -> Result<serde_json::Value> {
    let (subject, timing) = (
        Subject::new(&arguments.network)?,
        arguments.timing.checked()?,
    );
    let params = Params::new(1, &Device::Cpu);
    let network = subject.card.network(params.builder())?;
    let (x, target) = subject.batch(&network, timing.batch)?;
    let idle = Idle::now();
    let mut adam = Adam::new(params.named(), AdamConfig::default())?;
    let timing = measure(timing, "step", || {
        let loss = (network.forward_t(&x, true)? - &target)?
            .abs()?
            .mean_all()?;
        let outcome = adam.step(&fkp_kernels::backward(&loss)?, 1e-3)?;
        ensure!(outcome.not_finite.is_none(), "the gradient is not finite");
        Ok(())
    })?;
    Ok(with_network(timing, &subject, &idle))
}

/// Forward only, with weights that need no gradient.
pub(crate) fn predict(arguments: &Arguments) -> Result<serde_json::Value> {
    let (subject, timing) = (
        Subject::new(&arguments.network)?,
        arguments.timing.checked()?,
    );
    let params = Params::new(1, &Device::Cpu);
    let network = subject.card.network(params.builder())?;
    let (x, _) = subject.batch(&network, timing.batch)?;
    let predict = predictor(&subject.card, &params)?;
    let idle = Idle::now();
    let timing = measure(timing, "predict", || {
        black_box(predict(&x)?);
        Ok(())
    })?;
    Ok(with_network(timing, &subject, &idle))
}

/// The function that an application calls for each batch.
fn predictor(card: &ModelCard, params: &Params) -> Result<impl Fn(&Tensor) -> Result<Tensor>> {
    let weights = params
        .tensors()
        .into_iter()
        .map(|(name, w)| (name, w.detach()))
        .collect();
    let network = card.network(VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu))?;
    let InputSpec { channels, size, .. } = card.task.input;
    let plan = InferencePlan::trace([channels, size, size], |x| network.forward_t(x, false))?;
    Ok(move |x: &Tensor| Ok(plan.forward(x)?))
}

fn with_network(
    mut timing: serde_json::Value,
    subject: &Subject,
    idle: &Idle,
) -> serde_json::Value {
    timing["network"] = subject.name.as_str().into();
    timing["added_memory_mib"] = idle.added_mib().into();
    timing
}

/// The tutorial's step in candle's own operations.
pub(crate) fn candle_step(arguments: &Timing) -> Result<serde_json::Value> {
    let subject = Subject::new(TUTORIAL)?;
    let params = Params::new(1, &Device::Cpu);
    let network = subject.card.network(params.builder())?;
    let (x, target) = subject.batch(&network, arguments.batch)?;
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
