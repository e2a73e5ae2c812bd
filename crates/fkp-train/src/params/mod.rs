//! Trainable variables with seeded initial values.

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use fkp_core::{Purpose, Rng, fnv1a, rng_for};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The variables of a network, by name, in a fixed order.
///
/// candle's own `VarMap` draws initial values from a generator that cannot be seeded and hands
/// the variables out in the order of a hash map. Here the values of a variable are a function of
/// (seed, name), so they depend neither on the other variables nor on the order of creation.
///
/// ```
/// use candle_core::Device;
/// use fkp_train::Params;
/// let weights = || {
///     let params = Params::new(7, &Device::Cpu);
///     candle_nn::linear(2, 3, params.builder().pp("dense"))?;
///     params.tensors()["dense.weight"].to_vec2::<f32>()
/// };
/// assert_eq!(weights()?, weights()?);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Params {
    seed: u64,
    device: Device,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Params {
    /// No variables yet.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            device: device.clone(),
            vars: Arc::default(),
        }
    }

    /// Where a network takes its parameters from: each is created when first asked for. `f32`.
    pub fn builder(&self) -> VarBuilder<'static> {
        let backend = Box::new(self.clone());
        VarBuilder::from_backend(backend, DType::F32, self.device.clone())
    }

    /// The device that the variables are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables, sorted by name.
    pub fn named(&self) -> Vec<(String, Var)> {
        let vars = self.lock();
        vars.iter()
            .map(|(name, var)| (name.clone(), var.clone()))
            .collect()
    }

    /// The current values by name, sharing memory with the variables.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let vars = self.lock();
        vars.iter()
            .map(|(name, var)| (name.clone(), var.as_tensor().clone()))
            .collect()
    }

    /// Sets every variable to a given value.
    ///
    /// # Errors
    /// If one is missing or has another shape; then none is changed.
    pub fn load(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        let vars = self.lock();
        for (name, var) in vars.iter() {
            match values.get(name) {
                Some(value) if value.shape() == var.shape() => {}
                Some(value) => {
                    bail!(
                        "weight `{name}` is {:?}, got {:?}",
                        var.dims(),
                        value.dims()
                    );
                }
                None => bail!("weight `{name}` is missing"),
            }
        }
        for (name, var) in vars.iter() {
            var.set(&values[name].to_device(&self.device)?)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // A panic while the map was locked leaves it whole: entries are inserted at once.
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, name: &str, shape: &Shape, init: Init) -> Vec<f32> {
        let mut rng = rng_for(self.seed, Purpose::Weights, 0, fnv1a(name.bytes()));
        let count = shape.elem_count();
        let uniform = |low: f64, high: f64, rng: &mut dyn Rng| {
            let draw = |_| (low + (high - low) * unit(rng)) as f32;
            (0..count).map(draw).collect()
        };
        let normal = |mean: f64, std: f64, rng: &mut dyn Rng| {
            let draw = |_| (mean + std * standard_normal(rng)) as f32;
            (0..count).map(draw).collect()
        };
        match init {
            Init::Const(value) => vec![value as f32; count],
            Init::Uniform { lo, up } => uniform(lo, up, &mut rng),
            Init::Randn { mean, stdev } => normal(mean, stdev, &mut rng),
            Init::Kaiming {
                dist,
                fan,
                non_linearity,
            } => {
                let std = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
                let bound = 3f64.sqrt() * std;
                match dist {
                    NormalOrUniform::Uniform => uniform(-bound, bound, &mut rng),
                    NormalOrUniform::Normal => normal(0.0, std, &mut rng),
                }
            }
        }
    }
}

impl SimpleBackend for Params {
    fn get(&self, shape: Shape, name: &str, h: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let mut vars = self.lock();
        if let Some(var) = vars.get(name) {
            if *var.shape() != shape {
                bail!(
                    "weight `{name}` is {:?}, asked for as {shape:?}",
                    var.dims()
                );
            }
            return Ok(var.as_tensor().clone());
        }
        let value = Tensor::from_vec(self.draw(name, &shape, h), shape, dev)?;
        let var = Var::from_tensor(&value.to_dtype(dtype)?)?;
        let tensor = var.as_tensor().clone();
        vars.insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        match self.lock().get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => bail!("weight `{name}` does not exist yet, and its shape is not given"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }
}

/// Uniform in [0, 1) with 53 bits.
fn unit(rng: &mut dyn Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Box–Muller (1958), the cosine branch.
fn standard_normal(rng: &mut dyn Rng) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(params: &Params, name: &str, init: Init) -> Vec<f32> {
        let tensor = params.builder().get_with_hints(10_000, name, init).unwrap();
        tensor.to_vec1().unwrap()
    }

    #[test]
    fn values_depend_on_seed_and_name_alone() {
        let init = Init::Uniform { lo: -1.0, up: 1.0 };
        let a = Params::new(1, &Device::Cpu);
        let b = Params::new(1, &Device::Cpu);
        values(&b, "another", init);
        assert_eq!(values(&a, "w", init), values(&b, "w", init));
        assert_ne!(values(&a, "w", init), values(&a, "v", init));
        let c = Params::new(2, &Device::Cpu);
        assert_ne!(values(&a, "w", init), values(&c, "w", init));
    }

    #[test]
    fn distributions_have_their_moments() {
        let params = Params::new(3, &Device::Cpu);
        let moments = |v: Vec<f32>| {
            let mean = v.iter().sum::<f32>() / v.len() as f32;
            let var = v.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / v.len() as f32;
            (mean, var.sqrt())
        };
        let (mean, std) = moments(values(
            &params,
            "n",
            Init::Randn {
                mean: 2.0,
                stdev: 0.5,
            },
        ));
        assert!((mean - 2.0).abs() < 0.02 && (std - 0.5).abs() < 0.02);
        let (mean, std) = moments(values(&params, "u", Init::Uniform { lo: -3.0, up: 3.0 }));
        assert!(mean.abs() < 0.06 && (std - 3f32.sqrt()).abs() < 0.05);
        let v = values(&params, "c", Init::Const(1.5));
        assert!(v.iter().all(|x| *x == 1.5));
    }

    #[test]
    fn loading_checks_before_it_changes() {
        let params = Params::new(0, &Device::Cpu);
        values(&params, "a", Init::Const(1.0));
        values(&params, "b", Init::Const(1.0));
        let mut other = params.tensors();
        let twos = Tensor::full(2f32, 10_000, &Device::Cpu).unwrap();
        other.insert("a".to_owned(), twos.clone());
        other.remove("b");
        assert!(params.load(&other).is_err());
        assert_eq!(params.tensors()["a"].to_vec1::<f32>().unwrap()[0], 1.0);
        other.insert("b".to_owned(), twos);
        params.load(&other).unwrap();
        assert_eq!(params.tensors()["b"].to_vec1::<f32>().unwrap()[0], 2.0);
    }
}
