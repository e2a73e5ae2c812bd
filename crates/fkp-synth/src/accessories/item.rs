//! What opaque accessories have in common.

use crate::mesh::Mesh;
use crate::noise::NoiseTexture;
use crate::paint::Material;
use crate::params::{Color, Hair, HairStyle};

/// What the points of an item look like.
pub(crate) trait Painter: Send + Sync {
    /// The material at a point with these surface coordinates; `px` is the width of a pixel.
    fn material(&self, at: [f32; 3], px: f32, noise: &NoiseTexture) -> Material;
}

/// What an item moves with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// The head.
    Head,
    /// The head at the top, the body at the bottom, as the neck does.
    Neck,
}

/// Whether an item is drawn into the shadow map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shadow {
    Cast,
    None,
}

/// An opaque accessory in the head's frame.
pub(crate) struct Item {
    pub(crate) mesh: Mesh,
    pub(crate) follow: Follow,
    pub(crate) shadow: Shadow,
    pub(crate) painter: Box<dyn Painter>,
}

impl Item {
    pub(super) fn on_head(mesh: Mesh, painter: impl Painter + 'static) -> Self {
        Self {
            mesh,
            follow: Follow::Head,
            shadow: Shadow::Cast,
            painter: Box::new(painter),
        }
    }
}

/// Presses hair flat.
pub(super) fn press_flat(hair: &mut Hair) {
    hair.volume = hair.volume.min(0.06);
    hair.side_volume = hair.side_volume.min(0.12);
    hair.curl = hair.curl.min(0.25);
}

/// Hides the hair.
pub(super) fn hide(hair: &mut Hair) {
    hair.style = HairStyle::Bald;
    hair.length = 0.0;
}

/// The gray level of a reflectance.
pub(super) fn level(color: Color) -> f32 {
    color.iter().sum::<f32>() / 3.0
}
