//! Hats, helmets and headbands.

use super::item::{Item, Painter};
use super::veil;
use crate::math::{Vec3, add, mix, normalized, ridge, scaled, smoothstep, sub};
use crate::mesh::tube::{Section, rounded};
use crate::mesh::{Edge, Mesh};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::Material;
use crate::params::{Hair, Hat, HatKind};
use crate::shape::Surface;
use std::f32::consts::{PI, TAU};

/// Columns of the meshes.
const COLUMNS: usize = 48;

impl Hat {
    pub(crate) fn mirrored(mut self) -> Self {
        self.lean = -self.lean;
        self
    }

    pub(crate) fn covers_ears(&self) -> bool {
        matches!(
            self.kind,
            HatKind::Hijab | HatKind::Hood | HatKind::Beanie | HatKind::Helmet
        )
    }

    /// Changes hair to how it is under this hat.
    pub(crate) fn press(&self, hair: &mut Hair) {
        match self.kind {
            HatKind::Headband => {}
            HatKind::Hijab => super::item::hide(hair),
            HatKind::Hood => {
                super::item::press_flat(hair);
                hair.length = 0.0;
            }
            _ => super::item::press_flat(hair),
        }
    }

    pub(crate) fn items(&self, surface: &Surface) -> Vec<Item> {
        let mut mesh = Mesh::default();
        match self.kind {
            HatKind::Hijab | HatKind::Hood => return vec![veil::item(self, surface)],
            HatKind::Headband => {
                let rows = 6;
                mesh.add_grid([rows, COLUMNS], Edge::Joined, |row, column| {
                    let t = row as f32 / (rows - 1) as f32;
                    let angle = column_angle(column);
                    let at = self.edge(surface, angle, self.line - self.brim * (1.0 - t));
                    (at, [angle, 1.0 - t, 0.0])
                });
            }
            _ => {
                self.crown(surface, &mut mesh);
                self.brims(surface, &mut mesh);
            }
        }
        let mut items = vec![Item::on_head(mesh, HatPaint { hat: *self })];
        if self.kind == HatKind::Helmet {
            items.push(Item::on_head(self.strap(surface), HatPaint { hat: *self }));
        }
        items
    }

    /// A point of the lower edge, at an angle from the front, where the front is at `line`.
    fn edge(&self, surface: &Surface, angle: f32, line: f32) -> Vec3 {
        let level = surface.level(0.0, line);
        // Over the ears, and down to the neck at the back.
        let side = angle.sin().powi(2);
        let back = (-angle.cos()).max(0.0).powi(2);
        let lower = match self.kind {
            HatKind::Beanie | HatKind::Turban => 0.9 * side + 0.8 * back,
            HatKind::Helmet => 1.1 * side + 1.4 * back,
            HatKind::Headband => 0.5 * side + 0.3 * back,
            HatKind::Cap | HatKind::CapBackward => 0.45 * side + 0.9 * back,
            _ => 0.3 * side + 0.5 * back,
        };
        let base = surface.around(level + lower, angle);
        let out = normalized([base[0], 0.0, base[2] + 0.3]);
        add(
            add(base, scaled(out, 0.1 + self.fit)),
            [0.0, self.lean * 0.4 * angle.sin(), 0.0],
        )
    }

    /// The dome over the head. Surface coordinates: angle, height from 0 at the edge to 1.
    fn crown(&self, surface: &Surface, mesh: &mut Mesh) {
        let (exponent, extra) = match self.kind {
            HatKind::Brimmed => (4.5, 0.55),
            HatKind::Beanie => (2.6, 0.35),
            HatKind::Turban => (2.8, 0.5),
            HatKind::Helmet => (2.4, 0.5),
            _ => (2.7, 0.25),
        };
        let rows = 12;
        let edges: Vec<Vec3> = (0..COLUMNS)
            .map(|column| self.edge(surface, column_angle(column), self.line))
            .collect();
        let crown = surface.ring(0.0).front;
        let middle: Vec3 =
            std::array::from_fn(|i| edges.iter().map(|p| p[i]).sum::<f32>() / COLUMNS as f32);
        let top = (middle[1] - crown[0] + self.fit + extra).max(0.3) * self.height;
        mesh.add_grid([rows, COLUMNS], Edge::Joined, |row, column| {
            // From the top to the edge.
            let s = 1.0 - row as f32 / (rows - 1) as f32;
            let rise = (0.5 * PI * s).sin();
            let wide = (1.0 - rise.powf(exponent)).max(0.0).powf(1.0 / exponent);
            let angle = column_angle(column);
            let off = sub(edges[column], middle);
            let mut at = [
                middle[0] + wide * off[0],
                edges[column][1] - (top + off[1]) * rise,
                middle[2] + wide * off[2],
            ];
            let mut lift = 0.0;
            match self.kind {
                // The folded cuff.
                HatKind::Beanie if rise < 0.16 + 0.25 * self.brim => lift = 0.1,
                HatKind::Turban => {
                    let fold =
                        (9.0 * rise + 1.8 * angle.cos().abs() + 1.5 * angle.sin().abs()) * 1.6;
                    lift = 0.3 * smoothstep(0.0, 0.25, rise) + 0.09 * (fold - fold.floor());
                }
                // The front panels stand up.
                HatKind::Cap => at[1] -= 0.25 * rise * (1.0 - rise) * angle.cos().max(0.0),
                // The dent along the top.
                HatKind::Brimmed => {
                    at[1] += 0.3 * smoothstep(0.85, 1.0, rise) * smoothstep(1.2, 0.0, at[0].abs())
                }
                _ => {}
            }
            let out = normalized([off[0], 0.0, off[2]]);
            (add(at, scaled(out, lift)), [angle, rise, 0.0])
        });
    }

    /// The brim. Surface coordinates: angle, distance from the crown from 0 to 1, 1.
    fn brims(&self, surface: &Surface, mesh: &mut Mesh) {
        let rows = 6;
        let from = |angle: f32| self.edge(surface, angle, self.line);
        match self.kind {
            HatKind::Cap | HatKind::CapBackward | HatKind::Helmet => {
                let (forward, half_angle, length) = match self.kind {
                    HatKind::CapBackward => (-1.0, 1.15, self.brim),
                    HatKind::Helmet => (1.0, 1.25, 0.45 * self.brim),
                    _ => (1.0, 1.05, self.brim),
                };
                let columns = 25;
                mesh.add_grid([rows, columns], Edge::Open, |row, column| {
                    let t = row as f32 / (rows - 1) as f32;
                    let s = 2.0 * column as f32 / (columns - 1) as f32 - 1.0;
                    let angle = half_angle * s;
                    let turned = if forward > 0.0 { angle } else { PI - angle };
                    let start = from(turned);
                    let out = length * t * (1.0 - s * s).max(0.0).powf(0.55);
                    let x = start[0] * (1.0 + 0.02 * t);
                    let droop =
                        self.curvature * 0.16 * x * x * t.min(0.6) + 0.2 * out + 0.03 * out * out;
                    (
                        [x, start[1] + droop, start[2] + forward * out],
                        [angle, t, 1.0],
                    )
                });
            }
            HatKind::Brimmed => {
                mesh.add_grid([rows, COLUMNS], Edge::Joined, |row, column| {
                    let t = row as f32 / (rows - 1) as f32;
                    let angle = column_angle(column);
                    let (sin, cos) = angle.sin_cos();
                    let out = self.brim * t;
                    let rise =
                        self.curvature * out * (0.25 * cos * cos - 0.45 * sin * sin) + 0.12 * out;
                    (
                        add(from(angle), [sin * out, rise, cos * out]),
                        [angle, t, 1.0],
                    )
                });
            }
            _ => {}
        }
    }

    /// The strap under the chin.
    fn strap(&self, surface: &Surface) -> Mesh {
        let mut mesh = Mesh::default();
        let path: Vec<Section> = (0..=24)
            .map(|step| {
                let s = step as f32 / 12.0 - 1.0;
                let level = mix(13.9, 5.5, s.abs().powf(1.6));
                let around = s.signum() * mix(0.0, 0.97, s.abs().powf(0.8));
                let at = surface.on_ring(level, around);
                let out = normalized([at[0], 0.6 * smoothstep(0.5, 0.0, s.abs()), 0.4]);
                Section {
                    at: add(at, scaled(out, 0.05)),
                    half: [0.12, 0.03],
                }
            })
            .collect();
        // The direction outward differs along the strap; that of its middle will do for a ribbon.
        mesh.add_tube(&rounded(&path), [0.0, 0.35, 1.0], 6, |_, _| [0.0, 0.0, 2.0]);
        mesh
    }
}

fn column_angle(column: usize) -> f32 {
    // Columns from the back over the right, the front and the left.
    TAU * (column as f32 / COLUMNS as f32 - 0.5)
}

struct HatPaint {
    hat: Hat,
}

impl Painter for HatPaint {
    fn material(&self, [angle, t, part]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        let hat = &self.hat;
        let mut material = hat.fabric.material([2.6 * angle, 3.0 * t], px, noise);
        if hat.kind == HatKind::Helmet {
            // Smooth plastic.
            material.albedo = hat.fabric.color;
            material.slope = [0.0; 2];
        }
        material.gloss = hat.gloss;
        if part > 1.5 {
            material.albedo = [0.03; 3];
            return material;
        }
        if part > 0.5 {
            material.paint(1.0, hat.trim);
            // Stitches, and the shade where the brim meets the crown.
            if hat.kind != HatKind::Helmet {
                let stitch = ridge((5.0 * t).fract() - 0.5, 0.12);
                material.open *= 1.0 - 0.12 * stitch * smoothstep(0.06, 0.02, px);
            }
            material.open *= 1.0 - 0.3 * smoothstep(0.15, 0.0, t);
            return material;
        }
        match hat.kind {
            HatKind::Cap | HatKind::CapBackward => {
                let panel = (angle / (TAU / 6.0)).rem_euclid(1.0);
                material.open *=
                    1.0 - 0.35 * (ridge(panel, 0.03) + ridge(panel - 1.0, 0.03)).min(1.0);
                if hat.kind == HatKind::Cap {
                    // An emblem in front.
                    let (u, v) = (angle / 0.28, (t - 0.38) / 0.2);
                    let letter = noise.at(Layer::Curls, 3.0 * u, 3.0 * v);
                    let inside = smoothstep(1.05, 0.95, u * u + v * v);
                    material.paint(inside * smoothstep(0.4, 0.5, letter), hat.trim);
                } else {
                    // The hole and the strap.
                    let hole = smoothstep(0.55, 0.5, angle.abs())
                        * smoothstep(0.46, 0.4, t)
                        * smoothstep(0.12, 0.16, t);
                    material.open *= 1.0 - 0.85 * hole;
                }
            }
            HatKind::Beanie => {
                let cuff = 0.16 + 0.25 * hat.brim;
                material.paint(smoothstep(cuff + 0.02, cuff - 0.02, t), hat.trim);
                material.open *= 1.0 - 0.5 * ridge(t - cuff - 0.02, 0.05);
            }
            HatKind::Brimmed => {
                material.paint(smoothstep(0.36, 0.33, t), hat.trim);
                material.open *= 1.0 - 0.3 * ridge(t - 0.36, 0.03);
            }
            HatKind::Turban => {
                let fold = (9.0 * t + 1.8 * angle.cos().abs() + 1.5 * angle.sin().abs()) * 1.6;
                let fold = fold - fold.floor();
                material.open *= 1.0 - 0.45 * smoothstep(0.75, 1.0, fold);
                material.slope[1] += 0.5 * (fold - 0.5);
            }
            HatKind::Helmet => {
                let stripe = smoothstep(
                    0.16,
                    0.14,
                    angle.sin().abs() * (1.0 - t * t).max(0.0).sqrt(),
                );
                material.paint(stripe, hat.trim);
            }
            _ => {}
        }
        // The shade at the edge.
        material.open *= 1.0 - 0.25 * smoothstep(0.1, 0.0, t);
        material
    }
}
