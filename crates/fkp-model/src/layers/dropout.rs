//! The dropout layer.

use candle_core::{DType, Result, Tensor, bail};
use candle_nn::{Init, ModuleT, VarBuilder};
use fkp_kernels::DROPOUT_SEED;

/// Dropout (Srivastava et al. 2014): in training each value is set to 0 with probability `p`, and
/// the others are multiplied by `1 / (1 − p)`; in evaluation the values are unchanged.
///
/// The mask is a function of a seed, which the training loop sets before each forward pass. The
/// layer gets it from `vb`: an `i64` of shape `[]` named `dropout_seed`. `fkp_train::Params` has
/// it, so that a run that is stopped and resumed has the same masks as one that is not. A backend
/// without the seed, such as a model file, gives a network for evaluation only.
#[derive(Debug, Clone)]
pub struct Dropout {
    p: f64,
    seed: Option<Tensor>,
}

impl Dropout {
    /// Sets values to 0 with probability `p`, in [0, 1).
    ///
    /// # Errors
    /// If `p` is out of range.
    pub fn new(p: f64, vb: VarBuilder<'_>) -> Result<Self> {
        if !(0.0..1.0).contains(&p) {
            bail!("dropout: p = {p} is not in [0, 1)");
        }
        let seed = match vb.contains_tensor(DROPOUT_SEED) {
            true => {
                let init = Init::Const(0.0);
                Some(vb.get_with_hints_dtype((), DROPOUT_SEED, init, DType::I64)?)
            }
            false => None,
        };
        Ok(Self { p, seed })
    }
}

impl ModuleT for Dropout {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if !train || self.p == 0.0 {
            return Ok(x.clone());
        }
        let Some(seed) = &self.seed else {
            bail!(
                "dropout: the variables have no `{DROPOUT_SEED}`, so the network can be evaluated \
                 but not trained; `fkp_train::Params` has one"
            );
        };
        match seed.to_scalar::<i64>()? {
            0 => bail!(
                "dropout: the seed is not set; call `fkp_train::Params::seed_dropout` before each \
                 forward pass"
            ),
            seed => fkp_kernels::dropout(x, self.p, seed as u64),
        }
    }
}
