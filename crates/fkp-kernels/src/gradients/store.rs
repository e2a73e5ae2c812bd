//! The gradients of one or several backward passes, some of them as factors.

use std::rc::Rc;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};

use super::collect::{FactorMap, collect};
use super::factors::Factors;
use super::hook::{GradientHook, with_hook};
use super::part::GradientPart;

/// The result of [`backward`].
#[derive(Debug)]
pub struct Gradients {
    pub(super) store: GradStore,
    pub(super) factors: FactorMap,
}

/// Computes all gradients of a scalar (or of the sum of a tensor), as `loss.backward()` does,
/// but keeps the weight gradients of large dense layers as two small factors.
///
/// # Errors
/// Those of candle's `backward`.
pub fn backward(loss: &Tensor) -> Result<Gradients> {
    let (store, factors) = collect(|| loss.backward())?;
    Ok(Gradients { store, factors })
}

/// As [`backward`], but gives the gradients of variables to a hook. The result has those that the hook
/// did not take, and those of candle's own operations, which do not call it.
///
/// # Errors
/// Those of candle's `backward`.
pub fn backward_with_hook(loss: &Tensor, hook: Rc<dyn GradientHook>) -> Result<Gradients> {
    with_hook(hook, || backward(loss))
}

/// The gradients of candle's `loss.backward()`.
impl From<GradStore> for Gradients {
    fn from(store: GradStore) -> Self {
        Self {
            store,
            factors: FactorMap::new(),
        }
    }
}

impl Gradients {
    /// The gradient of `tensor`, multiplied out where it was kept as factors; `None` where the
    /// loss does not depend on it.
    ///
    /// # Errors
    /// Only those of candle itself.
    pub fn get(&self, tensor: &Tensor) -> Result<Option<Tensor>> {
        Ok(match self.find(tensor)? {
            None => None,
            Some(Gradient::Dense(grad)) => Some(grad),
            Some(Gradient::Factored(factors)) => sum_of_products(None, factors)?,
        })
    }

    /// Adds the gradients of another loss of the same variables, so that a batch can be processed
    /// in several parts. Factors are appended: the optimizer multiplies and adds them, and no
    /// product is stored.
    ///
    /// # Errors
    /// If gradients of one variable differ in shape or device.
    pub fn accumulate(&mut self, other: Gradients) -> Result<()> {
        self.store.extend(other.store)?;
        #[expect(
            clippy::iter_over_hash_type,
            reason = "the entries are independent of each other"
        )]
        for (id, factors) in other.factors {
            self.factors.entry(id).or_default().extend(factors);
        }
        Ok(())
    }

    /// Adds a part of the gradient of `variable`.
    ///
    /// # Errors
    /// If it differs in shape or device from what is already there.
    pub fn add(&mut self, variable: &Tensor, part: GradientPart) -> Result<()> {
        match part {
            GradientPart::Factors(factors) => {
                let all = self.factors.entry(variable.id()).or_default();
                all.push(factors);
            }
            GradientPart::Dense(gradient) => {
                let sum = match self.store.get(variable) {
                    Some(sum) => (sum + gradient)?,
                    None => gradient,
                };
                self.store.insert(variable, sum);
            }
        }
        Ok(())
    }

    /// Removes and returns the parts of the gradient of `variable`.
    pub fn take(&mut self, variable: &Tensor) -> Vec<GradientPart> {
        let dense = self.store.remove(variable).map(GradientPart::Dense);
        let factors = self.factors.remove(&variable.id()).unwrap_or_default();
        let factors = factors.into_iter().map(GradientPart::Factors);
        dense.into_iter().chain(factors).collect()
    }

    /// The gradients of `vars` after `f(name, variable, gradient)`, called in the order of `vars`
    /// with each gradient multiplied out. Data-parallel training sums over processes here.
    ///
    /// A variable without a gradient is passed as `None`, and has one afterwards if `f` returns
    /// one. Gradients of anything else are left out.
    ///
    /// # Errors
    /// Those of `f`, and if it changes a shape.
    pub fn map(
        &self,
        vars: &[(String, Var)],
        mut f: impl FnMut(&str, &Var, Option<Tensor>) -> Result<Option<Tensor>>,
    ) -> Result<Gradients> {
        let mut store = GradStore::default();
        for (name, var) in vars {
            let Some(mapped) = f(name, var, self.get(var)?)? else {
                continue;
            };
            if mapped.shape() != var.shape() {
                let (got, expected) = (mapped.dims(), var.dims());
                bail!(
                    "gradients: the gradient of {name:?} became {got:?}, \
                     the variable is {expected:?}"
                );
            }
            store.insert(var, mapped);
        }
        Ok(store.into())
    }

    /// The gradient as it is stored; as factors if these are the whole gradient.
    pub(crate) fn find(&self, tensor: &Tensor) -> Result<Option<Gradient<'_>>> {
        let dense = self.store.get(tensor);
        let factors = self
            .factors
            .get(&tensor.id())
            .map_or(&[][..], Vec::as_slice);
        Ok(match (dense, factors) {
            (dense, []) => dense.cloned().map(Gradient::Dense),
            (None, factors) => Some(Gradient::Factored(factors)),
            // A weight that a dense layer and something else use.
            (dense, factors) => sum_of_products(dense.cloned(), factors)?.map(Gradient::Dense),
        })
    }
}

/// One gradient as it is stored.
pub(crate) enum Gradient<'a> {
    Dense(Tensor),
    /// The sum of these products, at least one.
    Factored(&'a [Factors]),
}

fn sum_of_products(mut sum: Option<Tensor>, factors: &[Factors]) -> Result<Option<Tensor>> {
    for factors in factors {
        let product = factors.product()?;
        sum = Some(match sum {
            None => product,
            Some(sum) => (sum + product)?,
        });
    }
    Ok(sum)
}
