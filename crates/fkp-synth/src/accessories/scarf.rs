//! Scarves and raised collars.

use super::item::{Follow, Item, Painter, Shadow};
use crate::math::{Vec3, mix, smoothstep};
use crate::mesh::{Edge, Mesh};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::Material;
use crate::params::{Scarf, ScarfKind};
use crate::shape::Surface;
use std::f32::consts::{PI, TAU};

const COLUMNS: usize = 44;

impl Scarf {
    /// The cloth in the head's frame. Surface coordinates: angle from the front, position from the
    /// inner edge over the outside to the lower edge, y.
    pub(crate) fn item(&self, surface: &Surface, noise: &NoiseTexture) -> Item {
        let mut mesh = Mesh::default();
        let rows = 15;
        let bottom = 5.6_f32;
        let open = self.kind == ScarfKind::Collar;
        let edge = if open { Edge::Open } else { Edge::Joined };
        // In front of the chin and what is above it, if it is that high.
        let chin = surface.on_ring(12.5, 0.0)[2];
        mesh.add_grid([rows, COLUMNS], edge, |row, column| {
            let t = row as f32 / (rows - 1) as f32;
            let turn = if open {
                // Open in front, around the back.
                let gap = 0.42;
                PI + (column as f32 / (COLUMNS - 1) as f32 - 0.5) * (TAU - 2.0 * gap)
            } else {
                TAU * (column as f32 / COLUMNS as f32 - 0.5)
            };
            let (sin, cos) = turn.sin_cos();
            let front = smoothstep(-0.3, 1.0, cos);
            let waves = noise.at(Layer::LongHair, 1.1 * sin, 0.9 * cos + 3.0) - 0.5;
            let top = mix(3.2, self.top, front) + 0.25 * waves;
            // Up inside, over the edge, down outside.
            let (y, out) = if t < 0.3 {
                let u = t / 0.3;
                (top + 0.5 * (1.0 - u) * (1.0 - u), 0.05 + 0.4 * u)
            } else {
                let u = (t - 0.3) / 0.7;
                let bulge = if open {
                    0.45 + 0.3 * u
                } else {
                    0.45 + 0.55 * (PI * u.powf(0.8)).sin()
                };
                (mix(top, bottom, u.powf(1.2)), bulge)
            };
            let fold = noise.at(Layer::Tufts, 1.7 * sin, 1.3 * y + 0.7 * cos) - 0.5;
            let out = self.thickness * (out + 0.5 * fold * smoothstep(0.1, 0.5, t));
            let high = smoothstep(4.2, 3.0, y);
            let shoulders = 0.9 * smoothstep(4.9, 6.0, y);
            let half = mix(1.62, 1.95, high) + shoulders;
            let (near, far) = (mix(0.95, chin - 0.1, smoothstep(4.3, 3.4, y)), 1.95);
            let depth = if cos > 0.0 {
                near + 0.45 + out
            } else {
                far - 0.5 + out
            };
            let at: Vec3 = [(half + out) * sin, y, -0.45 + depth * cos];
            (at, [if turn > PI { turn - TAU } else { turn }, t, y])
        });
        Item {
            mesh,
            follow: Follow::Neck,
            shadow: Shadow::Cast,
            painter: Box::new(ScarfPaint { scarf: *self }),
        }
    }
}

struct ScarfPaint {
    scarf: Scarf,
}

impl Painter for ScarfPaint {
    fn material(&self, [angle, t, y]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        let mut material = self.scarf.fabric.material([2.0 * angle, y], px, noise);
        let folds = if self.scarf.kind == ScarfKind::Scarf {
            1.0
        } else {
            0.3
        };
        let wave = noise.at(Layer::LongHair, 1.3 * angle, 3.2 * y) - 0.5;
        material.slope[1] += 1.4 * folds * wave;
        material.open *= 1.0 - folds * 0.6 * (0.1 - wave).clamp(0.0, 0.6);
        material.open *= mix(0.45, 1.0, smoothstep(0.1, 0.32, t));
        material
    }
}
