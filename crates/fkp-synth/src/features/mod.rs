//! The features painted on the face, in its (x, y) coordinates seen from the front.

pub(crate) mod beard;
pub(crate) mod brow;
pub(crate) mod eye;
pub(crate) mod folds;
pub(crate) mod mouth;
pub(crate) mod nose;

/// The material of the surface at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material {
    /// Fraction of the light that is reflected.
    pub(crate) albedo: f32,
    /// Fraction of the light that arrives: below 1 in creases.
    pub(crate) open: f32,
    /// Strength of the highlight.
    pub(crate) gloss: f32,
    /// Reflected light that is added.
    pub(crate) glint: f32,
}

impl Material {
    /// Blends another albedo over the material with this opacity.
    pub(crate) fn paint(&mut self, opacity: f32, albedo: f32) {
        self.albedo += (albedo - self.albedo) * opacity;
    }

    /// Darkens the material by a crease of this depth, 0 to 1.
    pub(crate) fn crease(&mut self, depth: f32) {
        self.open *= 1.0 - depth;
    }
}
