//! The body below the chest, where the mesh of a head ends.

use super::composition::Composition;
use crate::layer::{Behind, Layer};
use crate::math::{Vec3, coverage, mix, smoothstep};
use crate::params::{Color, Light};

/// The point of the chest in whose row the body continues the mesh, in the frame of the body.
pub(super) const CHEST: Vec3 = [0.0, 9.3, 0.5];

/// Lengths from there down, in eye units.
const HIPS: f32 = 9.0;
const FEET: f32 = 38.0;

/// A standing body.
pub(super) struct Body<'r> {
    /// The row of the rendered mesh that is continued downward; the first pixel is at `left`.
    pub(super) row: &'r [Layer],
    pub(super) left: f32,
    /// y of the row in the image.
    pub(super) top: usize,
    /// x of the middle of the body in that row.
    pub(super) middle: f32,
    /// Shift of the middle per pixel downward.
    pub(super) slant: f32,
    /// Pixels per eye unit.
    pub(super) unit: f32,
    /// Light that the legs send to the viewer.
    pub(super) legs: Color,
}

impl Body<'_> {
    /// Light that cloth of this reflectance sends to the viewer.
    pub(super) fn lit(color: Color, light: &Light) -> Color {
        std::array::from_fn(|i| color[i] * (0.45 * light.key.color[i] + 0.8 * light.sky[i]))
    }

    /// Composes the body behind all before.
    pub(super) fn paint(&self, composition: &mut Composition) {
        let size = composition.size;
        let bottom = (self.top as f32 + FEET * self.unit + 1.0) as usize;
        for y in self.top..bottom.min(size) {
            let below = (y - self.top) as f32;
            let axis = self.middle + self.slant * below;
            let half = 7.2 * self.unit;
            let first = (axis - half).max(0.0) as usize;
            let end = ((axis + half).max(0.0) as usize + 1).min(size);
            for x in first..end {
                if !composition.is_hidden([x, y]) {
                    let layer = self.pixel(x as f32 - axis, below / self.unit);
                    composition.add([x, y], layer);
                }
            }
        }
    }

    /// The pixel at a distance from the middle in pixels and one from the chest in eye units.
    fn pixel(&self, off: f32, down: f32) -> Layer {
        let px = 1.0 / self.unit;
        let torso = coverage(down - HIPS, px);
        let mut layer = Layer::CLEAR;
        if torso < 1.0 {
            let out = off.abs() * px;
            let along = smoothstep(HIPS, FEET, down);
            let outer = mix(4.4, 3.1, along);
            let gap = mix(-0.6, 1.0, along);
            let round = 1.0 - 0.35 * (out / outer).powi(2);
            let cover =
                coverage(out - outer, px) * coverage(gap - out, px) * coverage(down - FEET, px);
            layer = layer.under(self.legs.map(|c| c * round), cover);
        }
        if torso > 0.0 {
            let waist = mix(1.0, 0.86, smoothstep(0.0, 5.0, down));
            let row = self.at(self.middle + off / waist);
            let shade = 1.0 - 0.25 * smoothstep(0.0, HIPS, down);
            let opaque = Layer {
                light: row.light.map(|c| c * shade * torso),
                passes: row.passes.map(|c| mix(1.0, c, torso)),
            };
            layer = opaque.over(layer);
        }
        layer
    }

    /// The row at a position in pixels; beyond its ends, its last pixel.
    fn at(&self, x: f32) -> Layer {
        let last = self.row.len() - 1;
        let place = (x - self.left).clamp(0.0, last as f32);
        let (index, t) = (place as usize, place.fract());
        let [a, b] = [&self.row[index], &self.row[(index + 1).min(last)]];
        Layer {
            light: std::array::from_fn(|i| mix(a.light[i], b.light[i], t)),
            passes: std::array::from_fn(|i| mix(a.passes[i], b.passes[i], t)),
        }
    }
}
