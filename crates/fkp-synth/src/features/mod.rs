//! What is painted on the face, in its (x, y) coordinates seen from the front.

pub(crate) mod beard;
pub(crate) mod brow;
pub(crate) mod eye;
pub(crate) mod folds;
pub(crate) mod mouth;
pub(crate) mod nose;

/// What the surface is made of at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material {
    /// Share of the light that comes back.
    pub(crate) albedo: f32,
    /// Share of the light that gets there: below 1 in creases.
    pub(crate) open: f32,
    /// Strength of the highlight.
    pub(crate) gloss: f32,
    /// Light added regardless: a reflection.
    pub(crate) glint: f32,
}

impl Material {
    /// Covers a share of the place with paint of this albedo.
    pub(crate) fn paint(&mut self, share: f32, albedo: f32) {
        self.albedo += (albedo - self.albedo) * share;
    }

    /// Darkens the place as a crease of this depth, 0 to 1.
    pub(crate) fn crease(&mut self, depth: f32) {
        self.open *= 1.0 - depth;
    }
}
