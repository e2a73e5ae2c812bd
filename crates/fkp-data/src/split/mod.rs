//! Splits without a leak: a person, or copies of an image, are never in two parts.

mod folds;
mod groups;
mod indices;
mod leak;
mod part;
mod random;
mod rule;
mod stratified;
#[cfg(test)]
mod testing;

pub use folds::k_folds;
pub use indices::{PredefinedSplit, SplitIndices};
pub(crate) use leak::refuse_leak;
pub use part::Split;
pub use random::{hold_out, split};
pub use rule::SplitRule;
pub use stratified::stratified_split;
