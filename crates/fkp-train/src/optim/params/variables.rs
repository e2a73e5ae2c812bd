//! The variables of a network, with seeded initial values.

use super::init::initial_values;
use super::role::Role;
use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The variables of a network, by name, in a fixed order.
///
/// candle's own `VarMap` samples initial values from a generator that cannot be seeded and returns
/// the variables in the order of a hash map. Here the initial values of a variable are a function
/// of (seed, name), so they depend neither on the other variables nor on the order of creation.
///
/// Most variables are weights, which the optimizer trains. A variable whose name ends in
/// `running_mean` or `running_var` (the names that PyTorch and candle use) or in `dropout_seed` is
/// a *buffer*: it is not trained, has no weight decay and does not count as a parameter. Running
/// statistics are saved, resumed and averaged like weights; a dropout seed is a function of the
/// step and is not saved.
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

    /// The `VarBuilder` that a network is built from: each variable is created on first use, as
    /// `f32`.
    pub fn builder(&self) -> VarBuilder<'static> {
        let backend = Box::new(self.clone());
        VarBuilder::from_backend(backend, DType::F32, self.device.clone())
    }

    /// The device that the variables are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables that the optimizer trains, sorted by name.
    pub fn named(&self) -> Vec<(String, Var)> {
        self.with_role(|role| role == Role::Weight)
    }

    /// The current weights and running statistics by name, sharing memory with the variables.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let tensor = |(name, var): (String, Var)| (name, var.as_tensor().clone());
        self.saved().into_iter().map(tensor).collect()
    }

    /// The weights and running statistics, in memory of their own.
    pub(crate) fn duplicate(&self) -> Result<Self> {
        let copy = |(name, var): (String, Var)| Ok((name, fkp_kernels::duplicate(&var)?));
        let vars: Result<_> = self.saved().into_iter().map(copy).collect();
        Ok(Self {
            vars: Arc::new(Mutex::new(vars?)),
            ..self.clone()
        })
    }

    /// Sets every weight and running statistic to a given value.
    ///
    /// # Errors
    /// If one is missing or has another shape; then none is changed.
    pub fn load(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        let saved = self.saved();
        for (name, var) in &saved {
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
        for (name, var) in &saved {
            var.set(&values[name].to_device(&self.device)?)?;
        }
        Ok(())
    }

    /// Sets the weights and running statistics that are given in the same shape, and returns the
    /// names of the others, which keep their initial values: for training that starts from a
    /// network with other last layers.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn load_matching(&self, values: &BTreeMap<String, Tensor>) -> Result<Vec<String>> {
        let mut others = Vec::new();
        for (name, var) in self.saved() {
            match values.get(&name) {
                Some(value) if value.shape() == var.shape() => {
                    var.set(&value.to_device(&self.device)?)?;
                }
                _ => others.push(name),
            }
        }
        Ok(others)
    }

    /// The weights and running statistics.
    pub(crate) fn saved(&self) -> Vec<(String, Var)> {
        self.with_role(|role| role != Role::DropoutSeed)
    }

    /// The variables whose role satisfies the condition.
    pub(super) fn with_role(&self, has_role: impl Fn(Role) -> bool) -> Vec<(String, Var)> {
        let vars = self.lock();
        vars.iter()
            .filter(|(name, _)| has_role(Role::of(name)))
            .map(|(name, var)| (name.clone(), var.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        // A panic while the map was locked leaves it consistent: an insertion is one operation.
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Params {
    fn get(&self, shape: Shape, name: &str, h: Init, dtype: DType, dev: &Device) -> Result<Tensor> {
        let mut vars = self.lock();
        if let Some(var) = vars.get(name) {
            if *var.shape() != shape {
                bail!(
                    "weight `{name}` is {:?}, requested as {shape:?}",
                    var.dims()
                );
            }
            return Ok(var.as_tensor().clone());
        }
        // A seed is read on the CPU; reading it from another device would synchronize with it.
        let dev = match Role::of(name) {
            Role::DropoutSeed => &Device::Cpu,
            Role::Weight | Role::RunningStatistic => dev,
        };
        let values = initial_values(self.seed, name, &shape, h)?;
        let value = Tensor::from_vec(values, shape, dev)?;
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

    /// A dropout seed always exists: a layer checks this to know that its seed will be set.
    fn contains_tensor(&self, name: &str) -> bool {
        Role::of(name) == Role::DropoutSeed || self.lock().contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ForwardPass;

    fn values(params: &Params, name: &str, init: Init) -> Vec<f32> {
        let tensor = params.builder().get_with_hints(10_000, name, init).unwrap();
        tensor.to_vec1().unwrap()
    }

    #[test]
    fn initial_values_depend_only_on_seed_and_name() {
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
    fn initial_values_have_the_moments_of_their_distribution() {
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
    fn loading_checks_all_values_before_it_changes_any() {
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

    #[test]
    fn weights_of_another_shape_keep_their_initial_values() {
        let params = Params::new(0, &Device::Cpu);
        values(&params, "a", Init::Const(1.0));
        values(&params, "b", Init::Const(1.0));
        values(&params, "c.running_mean", Init::Const(1.0));
        let twos = |n: usize| Tensor::full(2f32, n, &Device::Cpu).unwrap();
        let given = [
            ("a", 10_000),
            ("b", 9),
            ("c.running_mean", 10_000),
            ("d", 1),
        ];
        let given = given.map(|(name, n)| (name.to_owned(), twos(n)));
        let others = params.load_matching(&BTreeMap::from(given)).unwrap();
        assert_eq!(others, ["b"]);
        let first = |name: &str| params.tensors()[name].to_vec1::<f32>().unwrap()[0];
        assert_eq!(
            [first("a"), first("b"), first("c.running_mean")],
            [2.0, 1.0, 2.0]
        );
    }

    #[test]
    fn invalid_distributions_are_refused() {
        let params = Params::new(0, &Device::Cpu);
        let refused = |init| params.builder().get_with_hints(1, "w", init).is_err();
        assert!(refused(Init::Uniform { lo: 1.0, up: 0.0 }));
        let (mean, stdev) = (0.0, f64::NAN);
        assert!(refused(Init::Randn { mean, stdev }));
        let v = values(&params, "v", Init::Uniform { lo: 0.5, up: 0.5 });
        assert!(v.iter().all(|x| *x == 0.5));
    }

    fn with_buffers() -> Params {
        let params = Params::new(0, &Device::Cpu);
        let norm = params.builder().pp("norm");
        for (name, value) in [("weight", 1.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            norm.get_with_hints(2, name, Init::Const(value)).unwrap();
        }
        let vb = params.builder();
        for name in ["a", "b"] {
            let seed = vb.pp(name);
            assert!(seed.contains_tensor("dropout_seed") && !seed.contains_tensor("weight"));
            let seed = seed.get_with_hints_dtype((), "dropout_seed", Init::Const(0.0), DType::I64);
            assert_eq!(seed.unwrap().dtype(), DType::I64);
        }
        params
    }

    #[test]
    fn buffers_are_not_trained_and_dropout_seeds_are_not_saved() {
        let params = with_buffers();
        let names = |vars: Vec<(String, Var)>| vars.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(names(params.named()), ["norm.weight"]);
        let buffers = [
            "a.dropout_seed",
            "b.dropout_seed",
            "norm.running_mean",
            "norm.running_var",
        ];
        assert_eq!(names(params.buffers()), buffers);
        let saved: Vec<_> = params.tensors().into_keys().collect();
        assert_eq!(
            saved,
            ["norm.running_mean", "norm.running_var", "norm.weight"]
        );
        let mut values = with_buffers().tensors();
        params.load(&values).unwrap();
        values.remove("norm.running_var");
        let error = params.load(&values).unwrap_err().to_string();
        assert!(error.contains("`norm.running_var` is missing"), "{error}");
    }

    #[test]
    fn every_forward_pass_and_layer_has_its_own_dropout_seed() {
        let params = with_buffers();
        let seeds = |pass: ForwardPass| {
            params.seed_dropout(&pass).unwrap();
            let vars = params.buffers();
            let seed = |index: usize| vars[index].1.to_scalar::<i64>().unwrap();
            [seed(0), seed(1)]
        };
        let first = ForwardPass {
            seed: 7,
            step: 3,
            batch: 0,
            rank: 0,
        };
        let passes = [
            first,
            ForwardPass { seed: 8, ..first },
            ForwardPass { step: 4, ..first },
            ForwardPass { batch: 1, ..first },
            ForwardPass { rank: 1, ..first },
        ];
        let mut all = passes.map(seeds).concat();
        // The order of the passes does not matter, so a resumed run has the same masks.
        assert_eq!(passes.map(seeds).concat(), all);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2 * passes.len());
    }
}
