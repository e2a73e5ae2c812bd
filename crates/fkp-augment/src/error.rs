//! What can be wrong with an augmentation's configuration or an image's shape.

/// A configuration makes no sense, or an image's shape and its numbers do not fit.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AugmentError {
    /// A number lies outside what the field allows, or is not finite.
    #[error("`{field}` is {value}, but must lie in {allowed}")]
    OutOfRange {
        /// The field as it is written in the configuration, with the path to it.
        field: String,
        /// The value given.
        value: f64,
        /// The allowed interval, in words.
        allowed: &'static str,
    },
    /// An interval's ends are the wrong way round.
    #[error("`{field}` is [{low}, {high}], but the first number must not exceed the second")]
    Reversed {
        /// The field as it is written in the configuration, with the path to it.
        field: String,
        /// The first number.
        low: f64,
        /// The second number.
        high: f64,
    },
    /// A list that must not be empty is.
    #[error("`{field}` is empty")]
    Empty {
        /// The field as it is written in the configuration, with the path to it.
        field: String,
    },
    /// The recipe mirrors images, and nobody said what becomes of left and right.
    #[error(
        "`{field}` mirrors images, but the flip pairs of schema `{schema}` are unknown: list them in \
         its `flip_pairs`, or leave the flip out of the recipe; if no keypoint has a mirror partner, \
         write `flip_pairs = []` in the schema file or use `Schema::with_flip_pairs(&[])`"
    )]
    UnknownFlipPairs {
        /// Name of the schema.
        schema: String,
        /// The field that mirrors, with the path to it.
        field: String,
    },
    /// A perspective map has no inverse.
    #[error("a perspective map has no finite inverse (determinant {determinant})")]
    Singular {
        /// Determinant of the matrix.
        determinant: f64,
    },
    /// An image is empty, has more than four channels, or another length.
    #[error("{width}×{height} pixels of {channels} channels do not make an image of {len} numbers")]
    BadImage {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Channels per pixel.
        channels: usize,
        /// Numbers given.
        len: usize,
    },
}

fkp_core::debug_as_sentence!(AugmentError);

impl AugmentError {
    /// The same error with its field named from the outside in.
    pub(crate) fn within(self, parent: &str) -> Self {
        let path = |field: String| format!("{parent}.{field}");
        match self {
            Self::OutOfRange {
                field,
                value,
                allowed,
            } => Self::OutOfRange {
                field: path(field),
                value,
                allowed,
            },
            Self::Reversed { field, low, high } => Self::Reversed {
                field: path(field),
                low,
                high,
            },
            Self::Empty { field } => Self::Empty { field: path(field) },
            other => other,
        }
    }
}
