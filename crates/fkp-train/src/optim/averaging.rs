//! Exponential moving average of the weights, which usually scores better than the last weights.

use super::params::Params;
use candle_core::Result;
use serde::{Deserialize, Serialize};

/// An exponential moving average of the weights (EMA; Polyak & Juditsky 1992). Validation scores
/// the averaged weights and the model files hold them; training continues with the current weights.
///
/// After each step `average += (1 − d) · (weights − average)`, with the decay
/// `d = min(decay, (1 + t) / (10 + t))` at step `t`, so that the random initial weights lose their
/// influence quickly (TensorFlow's `ExponentialMovingAverage`).
///
/// The running statistics of batch normalizations are averaged with the same decay, as PyTorch's
/// `AveragedModel` does with `use_buffers=True`: the statistics of the current weights alone would
/// not match the averaged weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Averaging {
    /// In [0, 1); 0.999 averages over about a thousand steps.
    pub decay: f64,
}

impl Averaging {
    fn rate(&self, step: u64) -> f64 {
        let t = step as f64;
        1.0 - self.decay.min((1.0 + t) / (10.0 + t))
    }
}

/// The averaged weights and running statistics of a run.
pub(crate) struct Average {
    config: Averaging,
    /// The average.
    pub(crate) weights: Params,
}

impl Average {
    /// Starts with the current weights.
    pub(crate) fn new(config: Averaging, params: &Params) -> Result<Self> {
        let weights = params.duplicate()?;
        Ok(Self { config, weights })
    }

    /// Updates the average with the weights after step `step`, counted from 1.
    pub(crate) fn update(&self, params: &Params, step: u64) -> Result<()> {
        let tensors = params.tensors();
        for (name, average) in self.weights.saved() {
            fkp_kernels::average_into(&average, &tensors[&name], self.config.rate(step))?;
        }
        Ok(())
    }

    /// Calls `f` while the parameters hold the average.
    pub(crate) fn during<T>(&self, params: &Params, f: impl FnOnce() -> T) -> Result<T> {
        let current = params.duplicate()?.tensors();
        params.load(&self.weights.tensors())?;
        let result = f();
        params.load(&current)?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use std::collections::BTreeMap;

    #[test]
    fn the_average_follows_the_formula_and_the_weights_are_restored() {
        let params = Params::new(0, &Device::Cpu);
        let init = candle_nn::Init::Const(1.0);
        params.builder().get_with_hints(3, "w", init).unwrap();
        let average = Average::new(Averaging { decay: 0.5 }, &params).unwrap();
        let set = |v: f32| {
            let value = Tensor::full(v, 3, &Device::Cpu).unwrap();
            params
                .load(&BTreeMap::from([("w".to_owned(), value)]))
                .unwrap();
        };
        let mut expected = 1.0f64;
        for (step, value) in [(1u64, 3.0f32), (2, -1.0), (30, 2.0)] {
            set(value);
            average.update(&params, step).unwrap();
            let d = 0.5f64.min((1.0 + step as f64) / (10.0 + step as f64));
            expected = d * expected + (1.0 - d) * f64::from(value);
        }
        let read = || params.tensors()["w"].to_vec1::<f32>().unwrap()[0];
        let inside = average.during(&params, read).unwrap();
        assert!((f64::from(inside) - expected).abs() < 1e-6);
        assert_eq!(read(), 2.0);
    }

    #[test]
    fn running_statistics_are_averaged_and_dropout_seeds_are_not() {
        let params = Params::new(0, &Device::Cpu);
        let init = candle_nn::Init::Const(0.0);
        let vb = params.builder();
        for name in ["weight", "running_mean", "dropout_seed"] {
            vb.get_with_hints(1, name, init).unwrap();
        }
        let average = Average::new(Averaging { decay: 0.0 }, &params).unwrap();
        let ones = Tensor::ones(1, candle_core::DType::F32, &Device::Cpu).unwrap();
        let values = ["weight", "running_mean"].map(|name| (name.to_owned(), ones.clone()));
        params.load(&values.clone().into()).unwrap();
        // d = 0: after one step the average equals the weights.
        average.update(&params, 1).unwrap();
        let averaged = average.weights.tensors();
        let names: Vec<_> = averaged.keys().map(String::as_str).collect();
        assert_eq!(names, ["running_mean", "weight"]);
        for tensor in averaged.values() {
            assert_eq!(tensor.to_vec1::<f32>().unwrap(), [1.0]);
        }
    }
}
