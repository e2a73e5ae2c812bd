//! The error of this crate.

/// A field of a configuration is out of range.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A number is too small, too large or not finite.
    #[error("`{field}` must be {expected}, got {value}")]
    OutOfRange {
        /// Name of the field, with dots for nested ones.
        field: String,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        value: f64,
    },
}

impl SynthError {
    /// The same error of a configuration that has the named one as its field `parent`.
    pub(crate) fn within(self, parent: &str) -> Self {
        let Self::OutOfRange {
            field,
            expected,
            value,
        } = self;
        Self::OutOfRange {
            field: format!("{parent}.{field}"),
            expected,
            value,
        }
    }
}

fkp_core::debug_as_sentence!(SynthError);
