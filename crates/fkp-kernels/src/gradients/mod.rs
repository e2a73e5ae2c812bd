//! Gradients that are kept as their factors until the product is needed.
//!
//! The weight gradient of a dense layer is `dyᵀ · x`: for a wide layer and a small batch the two
//! factors are a hundred times smaller than their product, and writing the product, adding it to
//! candle's zeros and reading it back takes more time than computing it. [`backward`] therefore
//! keeps the factors, and the optimizers multiply them block by block as they update.

mod collect;
mod factors;
mod hook;
mod part;
mod store;

pub(crate) use collect::keep_factors;
pub use factors::Factors;
pub use hook::GradientHook;
pub(crate) use hook::offer;
pub use part::GradientPart;
pub(crate) use store::Gradient;
pub use store::{Gradients, backward, backward_with_hook};

#[cfg(test)]
mod tests;
