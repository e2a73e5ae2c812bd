//! Shading: the brightness of a surface with a given normal.

use crate::features::Material;
use crate::math::{Vec3, dot, normalized};
use crate::params::Light;

/// The light with its normalized directions, in the viewer's frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lamp {
    toward: Vec3,
    /// The halfway vector between light and viewer, for the highlight (Blinn, 1977).
    halfway: Vec3,
    direct: f32,
    ambient: f32,
}

impl Lamp {
    pub(crate) fn new(light: &Light) -> Self {
        let toward = normalized(light.toward);
        Self {
            toward,
            halfway: normalized([toward[0], toward[1], toward[2] + 1.0]),
            direct: light.direct,
            ambient: light.ambient,
        }
    }

    /// Direction to the light.
    pub(crate) fn toward(&self) -> Vec3 {
        self.toward
    }

    /// Light on a matte surface; `open` is 1, and less in a crease. The normal need not have
    /// exactly unit length.
    pub(crate) fn diffuse(&self, normal: Vec3, open: f32) -> f32 {
        self.lit(normal, open, 1.0)
    }

    /// The same with a shadow that lets a fraction of the direct light pass.
    fn lit(&self, normal: Vec3, open: f32, unshadowed: f32) -> f32 {
        // Wrapped diffuse lighting, which approximates skin.
        let facing = ((dot(normal, self.toward) + 0.2) / 1.2).max(0.0);
        // More light from above than from below, and from the viewer's side than from behind.
        let around = 0.78 - 0.14 * normal[1] + 0.12 * normal[2];
        open * (self.direct * unshadowed * facing + self.ambient * around)
    }

    /// Brightness of a material.
    pub(crate) fn shade(&self, material: &Material, normal: Vec3, unshadowed: f32) -> f32 {
        let diffuse = self.lit(normal, material.open, unshadowed);
        let mut shine = dot(normal, self.halfway).max(0.0);
        for _ in 0..4 {
            shine *= shine;
        }
        let highlight = material.gloss * shine * self.direct * unshadowed;
        material.albedo * diffuse + highlight + material.glint * (0.4 + self.direct)
    }
}
