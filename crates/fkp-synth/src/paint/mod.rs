//! What the surfaces of the head look like, in face coordinates.

pub(crate) mod beard;
pub(crate) mod brow;
pub(crate) mod cloth;
pub(crate) mod eye;
pub(crate) mod hair;
pub(crate) mod lids;
pub(crate) mod mouth;
pub(crate) mod nose;
pub(crate) mod skin;
pub(crate) mod wrinkles;

use crate::math::{Vec3, blend};
use crate::params::Color;

/// The material of a surface at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material {
    /// Reflectance.
    pub(crate) albedo: Color,
    /// Fraction of the ambient light that arrives: below 1 in creases.
    pub(crate) open: f32,
    /// Strength of the highlight, 0 to 1.
    pub(crate) gloss: f32,
    /// Depth to which light enters, 0 to 1: skin is lit a little beyond the terminator.
    pub(crate) translucency: f32,
    /// Derivatives of a fine relief along x and y of the face, which tilts the normal.
    pub(crate) slope: [f32; 2],
}

impl Material {
    /// Blends another reflectance over the material with this opacity.
    pub(crate) fn paint(&mut self, opacity: f32, albedo: Color) {
        self.albedo = blend(self.albedo, albedo, opacity);
    }

    /// Multiplies the reflectance, blended with this opacity.
    pub(crate) fn tint(&mut self, opacity: f32, by: Color) {
        for (albedo, by) in self.albedo.iter_mut().zip(by) {
            *albedo *= 1.0 + opacity * (by - 1.0);
        }
    }

    /// Darkens the material by a crease of this depth, 0 to 1. Light in a crease is redder.
    pub(crate) fn crease(&mut self, depth: f32) {
        let depth = depth.clamp(0.0, 1.0);
        self.open *= 1.0 - depth;
        self.tint(depth * 0.5, [1.0, 0.8, 0.75]);
    }
}

/// A point of the head that is painted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// Face coordinates.
    pub(crate) at: [f32; 2],
    /// Width of a pixel in eye units.
    pub(crate) px: f32,
    /// The ray from the camera through the point, in the head's frame.
    pub(crate) ray: Ray,
}

/// A ray in the head's frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ray {
    /// A point on it: the point of the surface.
    pub(crate) at: Vec3,
    /// Unit vector toward the camera.
    pub(crate) toward_camera: Vec3,
}
