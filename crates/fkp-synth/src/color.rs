//! The type of a color.

/// A color in linear RGB, 1 for a perfect reflector.
pub type Color = [f32; 3];
