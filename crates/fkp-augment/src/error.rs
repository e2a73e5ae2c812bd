//! Errors of invalid configurations, maps and image shapes.

/// A configuration, a map or the shape of an image is invalid.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AugmentError {
    /// A number is outside the allowed interval, or is not finite.
    #[error("`{field}` is {value}, but must lie in [{low}, {high}]")]
    OutOfRange {
        /// The field as written in the configuration, with its path.
        field: String,
        /// The value given.
        value: f64,
        /// The smallest allowed value.
        low: f64,
        /// The largest allowed value.
        high: f64,
    },
    /// The limits of a range are in the wrong order.
    #[error("`{field}` is [{low}, {high}], but the first number must not exceed the second")]
    Reversed {
        /// The field as written in the configuration, with its path.
        field: String,
        /// The first number.
        low: f64,
        /// The second number.
        high: f64,
    },
    /// A list that must not be empty is empty.
    #[error("`{field}` is empty")]
    Empty {
        /// The field as written in the configuration, with its path.
        field: String,
    },
    /// The recipe mirrors images, and the schema does not define its flip pairs.
    #[error(
        "`{field}` mirrors images, but the flip pairs of schema `{schema}` are unknown: list them \
         in its `flip_pairs`, or leave the flip out of the recipe; if no keypoint has a mirror \
         partner, write `flip_pairs = []` in the schema file or use `Schema::with_flip_pairs(&[])`"
    )]
    UnknownFlipPairs {
        /// Name of the schema.
        schema: String,
        /// The field that mirrors images, with its path.
        field: String,
    },
    /// A perspective map has no inverse.
    #[error("a perspective map has no finite inverse (determinant {determinant})")]
    Singular {
        /// Determinant of the matrix.
        determinant: f64,
    },
    /// An image is empty, has more than four channels, or its data has the wrong length.
    #[error("{width}×{height} pixels of {channels} channels do not make an image of {len} numbers")]
    BadImage {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Channels per pixel.
        channels: usize,
        /// Length of the data.
        len: usize,
    },
}

fkp_core::debug_as_sentence!(AugmentError);

impl AugmentError {
    /// The same error with `parent` in front of the field's path.
    pub(crate) fn within(mut self, parent: &str) -> Self {
        if let Self::OutOfRange { field, .. }
        | Self::Reversed { field, .. }
        | Self::Empty { field } = &mut self
        {
            *field = format!("{parent}.{field}");
        }
        self
    }
}
