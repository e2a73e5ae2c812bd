//! What can be wrong with an augmentation's configuration.

/// A configuration makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AugmentError {
    /// A number lies outside what the field allows, or is not finite.
    #[error("`{field}` is {value}, but must lie in {allowed}")]
    OutOfRange {
        /// The field as it is written in the configuration.
        field: String,
        /// The value given.
        value: f64,
        /// The allowed interval, in words.
        allowed: &'static str,
    },
}
