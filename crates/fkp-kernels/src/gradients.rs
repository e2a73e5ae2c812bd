//! Gradients that are kept as their factors until somebody needs the product.
//!
//! The weight gradient of a dense layer is `dyᵀ · x`: for a wide layer and a small batch the two
//! factors are a hundred times smaller than their product, and writing the product, adding it to
//! candle's zeros and reading it back costs more time than computing it. [`backward`] therefore
//! hands the factors on, and the optimizers multiply them block by block in their pass.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, TensorId, Var, bail};

use crate::host::with_values;
use crate::linear::{Sizes, weight_gradient};

/// Weights with fewer elements get an ordinary gradient.
const WORTHWHILE: usize = if cfg!(miri) { 1 << 8 } else { 1 << 16 };

thread_local! {
    /// Where the backward pass that runs on this thread puts factors, if it runs in [`backward`].
    static COLLECTED: RefCell<Option<HashMap<TensorId, Vec<Factors>>>> =
        const { RefCell::new(None) };
}

/// A gradient `[n_out, n_in]` as `dyᵀ · x`.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    /// `[rows, n_in]`, contiguous.
    pub(crate) x: Tensor,
    /// `[rows, n_out]`, contiguous.
    pub(crate) dy: Tensor,
}

/// The result of [`backward`].
#[derive(Debug)]
pub struct Gradients {
    store: GradStore,
    factors: HashMap<TensorId, Vec<Factors>>,
}

/// Computes all gradients of a scalar (or of the sum of a tensor), as `loss.backward()` does,
/// but keeps the weight gradients of large dense layers as two small factors.
///
/// # Errors
/// Those of candle's `backward`.
pub fn backward(loss: &Tensor) -> Result<Gradients> {
    /// Puts the outer collection back, also when the backward pass panics.
    struct Restore(Option<HashMap<TensorId, Vec<Factors>>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            COLLECTED.set(self.0.take());
        }
    }
    let restore = Restore(COLLECTED.replace(Some(HashMap::new())));
    let store = loss.backward()?;
    let factors = COLLECTED.take().unwrap_or_default();
    drop(restore);
    Ok(Gradients { store, factors })
}

/// Keeps the factors of the gradient of `w` for the [`backward`] that is running, if one is and
/// the gradient is worth it. `false` means that the caller must return an ordinary gradient.
pub(crate) fn keep_factors(w: &Tensor, x: &Tensor, dy: &Tensor) -> Result<bool> {
    // The gradient of anything but a variable has to flow on.
    if !w.is_variable() || w.elem_count() < WORTHWHILE || COLLECTED.with_borrow(Option::is_none) {
        return Ok(false);
    }
    let n_in = x.dim(candle_core::D::Minus1)?;
    let x = x.detach().reshape(((), n_in))?.contiguous()?;
    let factors = Factors { x, dy: dy.clone() };
    COLLECTED.with_borrow_mut(|collected| {
        if let Some(collected) = collected {
            collected.entry(w.id()).or_default().push(factors);
        }
    });
    Ok(true)
}

impl Factors {
    pub(crate) fn sizes(&self) -> Result<Sizes> {
        let ((rows, n_in), n_out) = (self.x.dims2()?, self.dy.dim(1)?);
        Ok(Sizes { rows, n_in, n_out })
    }

    fn product(&self) -> Result<Tensor> {
        let sizes = self.sizes()?;
        let dw = with_values("gradients", &self.x, |x| {
            with_values("gradients", &self.dy, |dy| {
                Ok(weight_gradient(sizes, x, dy))
            })
        })?;
        Tensor::from_vec(dw, (sizes.n_out, sizes.n_in), self.x.device())
    }
}

impl From<GradStore> for Gradients {
    fn from(store: GradStore) -> Self {
        Self {
            store,
            factors: HashMap::new(),
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
            Some(Gradient::Factored(factors)) => Some(sum_of_products(None, factors)?),
        })
    }

    /// Adds the gradients of another loss of the same variables, so that a batch can be worked
    /// off in several parts. Factors are only put side by side: the optimizer's pass multiplies
    /// and adds them, and no product is stored.
    ///
    /// # Errors
    /// If the two do not belong together: gradients of one variable differ in shape or device.
    pub fn accumulate(&mut self, other: Gradients) -> Result<()> {
        self.store.extend(other.store)?;
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each entry goes to its own, in whatever order they come"
        )]
        for (id, factors) in other.factors {
            self.factors.entry(id).or_default().extend(factors);
        }
        Ok(())
    }

    /// The gradients of `vars` after `f(name, variable, gradient)`, called in the order of `vars` with each
    /// gradient multiplied out. A loop over several processes sums over them here.
    ///
    /// A variable without a gradient is passed as `None`, and has one afterwards if `f` gives it
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
                bail!("gradients: that of {name:?} became {got:?}, the variable is {expected:?}");
            }
            store.insert(var, mapped);
        }
        Ok(store.into())
    }

    /// The gradient as it was kept; factors only if they are all there is to it.
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
            (dense, factors) => Some(Gradient::Dense(sum_of_products(dense.cloned(), factors)?)),
        })
    }
}

/// One gradient as it was kept.
pub(crate) enum Gradient<'a> {
    Dense(Tensor),
    /// The sum of these products, of which there is at least one.
    Factored(&'a [Factors]),
}

fn sum_of_products(mut sum: Option<Tensor>, factors: &[Factors]) -> Result<Tensor> {
    for factors in factors {
        let product = factors.product()?;
        sum = Some(match sum {
            None => product,
            Some(sum) => (sum + product)?,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => bail!("gradients: no factors"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Adam, AdamConfig, linear};
    use candle_core::{Device, Var};

    /// Columns of a weight that is worthwhile; fewer where every operation is interpreted.
    const WIDE: usize = if cfg!(miri) { 29 } else { 2085 };

    fn var(seed: u32, shape: (usize, usize)) -> Var {
        let values = (0..shape.0 * shape.1).map(|i| {
            let hash = (i as u32 ^ seed).wrapping_mul(0x9e37_79b9) >> 8;
            hash as f32 / (1 << 23) as f32 - 1.0
        });
        Var::from_vec(values.collect(), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn factors_give_the_same_gradients_and_steps_to_the_bit() {
        // No whole number of vectors either way; the weight is used twice at the end.
        for uses in [1, 2] {
            let (x, w) = (var(1, (5, WIDE)), var(2, (37, WIDE)));
            let other = Var::from_tensor(&w.as_tensor().copy().unwrap()).unwrap();
            let loss = |w: &Var| {
                let y = linear(&x, w, None, Activation::Relu).unwrap();
                let z =
                    linear(&x.affine(0.5, 0.0).unwrap(), w, None, Activation::Identity).unwrap();
                let y = if uses == 2 { (y + z).unwrap() } else { y };
                y.sqr().unwrap().sum_all().unwrap()
            };
            let factored = backward(&loss(&w)).unwrap();
            let dense = loss(&other).backward().unwrap();
            assert!(factored.store.get(&w).is_none());
            let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let got = flat(&factored.get(&w).unwrap().unwrap());
            assert_eq!(got, flat(dense.get(&other).unwrap()));
            assert_eq!(
                flat(&factored.get(&x).unwrap().unwrap()),
                flat(dense.get(&x).unwrap())
            );
            for max_grad_norm in [None, Some(1.0)] {
                let config = AdamConfig {
                    max_grad_norm,
                    ..AdamConfig::adamw(0.1)
                };
                let mut a = Adam::new(vec![("w".into(), w.clone())], config).unwrap();
                let mut b = Adam::new(vec![("w".into(), other.clone())], config).unwrap();
                let norm_a = a.step_factored(&factored, 0.1).unwrap().norm;
                let norm_b = b.step(&dense, 0.1).unwrap().norm;
                match (norm_a, norm_b) {
                    (None, None) => assert_eq!(flat(&w), flat(&other)),
                    (Some(a), Some(b)) => assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}"),
                    _ => panic!("{norm_a:?} {norm_b:?}"),
                }
                w.set(&other).unwrap();
            }
        }
    }

    #[test]
    fn small_weights_and_plain_backward_get_ordinary_gradients() {
        let (x, small, large) = (var(1, (3, 8)), var(2, (4, 8)), var(3, (WORTHWHILE / 3, 4)));
        let forward = || {
            let y = linear(&x, &small, None, Activation::Identity).unwrap();
            linear(&y, &large, None, Activation::Identity).unwrap()
        };
        let grads = backward(&forward()).unwrap();
        assert!(grads.store.get(&small).is_some() && grads.store.get(&large).is_none());
        let grads = forward().backward().unwrap();
        assert!(grads.get(&large).is_some());
    }
    /// Two halves of a batch, accumulated, are the batch; without a product in between.
    #[test]
    fn accumulated_gradients_are_those_of_the_sum() {
        let (x, w, small) = (var(1, (6, WIDE)), var(2, (37, WIDE)), var(3, (3, 37)));
        let loss = |from: usize, rows: usize| {
            let x = x.as_detached_tensor().narrow(0, from, rows).unwrap();
            let y = linear(&x, &w, None, Activation::Relu).unwrap();
            let y = linear(&y, &small, None, Activation::Identity).unwrap();
            y.sqr().unwrap().sum_all().unwrap()
        };
        let whole = backward(&loss(0, 6)).unwrap();
        let mut parts = backward(&loss(0, 2)).unwrap();
        parts.accumulate(backward(&loss(2, 3)).unwrap()).unwrap();
        parts.accumulate(backward(&loss(5, 1)).unwrap()).unwrap();
        assert_eq!(parts.factors[&w.id()].len(), 3);
        let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let largest = |v: &[f32]| v.iter().fold(0f32, |m, v| m.max(v.abs()));
        for var in [&w, &small] {
            let (a, b) = (whole.get(var).unwrap().unwrap(), parts.get(var).unwrap());
            let error = largest(&flat((&a - b.unwrap()).unwrap()));
            assert!(error <= 1e-5 * largest(&flat(a)), "{error}");
        }

        // The fused pass over several factors is the pass over their stored sum, to the bit.
        let vars = vec![("w".to_owned(), w.clone()), ("small".to_owned(), small)];
        let dense = parts.map(&vars, |_, _, grad| Ok(grad)).unwrap();
        assert!(dense.factors.is_empty());
        let before = w.as_tensor().copy().unwrap();
        for max_grad_norm in [None, Some(1e9)] {
            let config = AdamConfig {
                max_grad_norm,
                ..AdamConfig::default()
            };
            let mut results = Vec::new();
            for gradients in [&parts, &dense] {
                w.set(&before).unwrap();
                let mut adam = Adam::new(vars.clone(), config).unwrap();
                let norm = adam.step_factored(gradients, 0.1).unwrap().norm;
                results.push((flat(w.as_tensor().clone()), norm));
            }
            let [(factored, norm), (stored, expected)] = &results[..] else {
                unreachable!()
            };
            assert_eq!(factored, stored);
            if let (Some(norm), Some(expected)) = (norm, expected) {
                assert!((norm / expected - 1.0).abs() < 1e-9, "{norm} {expected}");
            }
        }
    }

    #[test]
    fn mapped_gradients_keep_order_and_shape() {
        let (a, b, c) = (var(1, (1, 2)), var(2, (1, 2)), var(3, (1, 2)));
        let loss = (a.sqr().unwrap() + b.as_tensor())
            .unwrap()
            .sum_all()
            .unwrap();
        let gradients = backward(&loss).unwrap();
        let name = |n: &str, v: &Var| (n.to_owned(), v.clone());
        let vars = [name("b", &b), name("c", &c), name("a", &a)];
        let mut seen = Vec::new();
        let doubled = gradients.map(&vars, |name, var, grad| {
            seen.push(name.to_owned());
            assert!(grad.as_ref().is_none_or(|grad| grad.dims() == var.dims()));
            grad.map(|grad| grad.affine(2.0, 0.0)).transpose()
        });
        assert_eq!(seen, ["b", "c", "a"]);
        let doubled = doubled.unwrap();
        assert!(doubled.get(&c).unwrap().is_none());
        let grad = doubled.get(&b).unwrap().unwrap();
        assert_eq!(grad.to_vec2::<f32>().unwrap(), [[2.0, 2.0]]);
        let turned = gradients.map(&vars, |_, _, grad| grad.map(|grad| grad.t()).transpose());
        let error = turned.unwrap_err();
        assert!(error.to_string().contains("\"b\" became [2, 1]"), "{error}");
    }
}
