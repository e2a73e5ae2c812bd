//! Masks over nose and mouth.

use super::drape::pull_taut;
use super::item::{Item, Painter};
use crate::math::{Vec3, add, mix, normalized, ridge, scaled, smoothstep};
use crate::mesh::tube::{Section, spline};
use crate::mesh::{Edge, Mesh};
use crate::noise::NoiseTexture;
use crate::paint::Material;
use crate::params::{Mask, MaskKind};
use crate::shape::Surface;

const GRID: [usize; 2] = [23, 25];

impl Mask {
    pub(crate) fn items(&self, surface: &Surface) -> [Item; 2] {
        let [rows, columns] = GRID;
        let top = surface.level(0.0, self.top.clamp(0.0, 3.2)).min(12.4);
        let half = self.width.clamp(0.4, 0.9);
        // (level, around) of a point, in −1..1 across and 0..1 down.
        let on_head = |across: f32, down: f32| -> [f32; 2] {
            let out = across * across;
            let upper = top + (9.0 - top).max(0.4) * (0.35 * out + 0.3 * out * out);
            let lower = mix(14.3, 11.9, out.sqrt().powf(1.5));
            [mix(upper, lower.max(upper + 0.4), down), across * half]
        };
        let skin = |across: f32, down: f32| {
            let [level, around] = on_head(across, down);
            surface.on_ring(level, around)
        };
        let across = |column: usize| 2.0 * column as f32 / (columns - 1) as f32 - 1.0;
        let down = |row: usize| row as f32 / (rows - 1) as f32;
        let mut points: Vec<Vec3> = (0..rows * columns)
            .map(|index| skin(across(index % columns), down(index / columns)))
            .collect();
        pull_taut(&mut points, GRID, Edge::Open, 30, outward);
        let mut mesh = Mesh::default();
        mesh.add_grid(GRID, Edge::Open, |row, column| {
            let (s, t) = (across(column), down(row));
            let middle = (1.0 - s * s) * (4.0 * t * (1.0 - t)).sqrt();
            let lift = 0.09
                + self.puff * middle
                + match self.kind {
                    MaskKind::Respirator => 0.05 + 0.38 * middle * (1.0 - s.abs()).powf(0.8),
                    MaskKind::Surgical | MaskKind::Cloth => 0.1 * middle,
                };
            let base = points[row * columns + column];
            (add(base, scaled(outward(base), lift)), [s, t, 0.0])
        });
        let mut loops = Mesh::default();
        for side in [1.0, -1.0_f32] {
            let ear = surface.ring(7.0);
            let [ex, ez] = [side * (ear.side[0] + 0.08), ear.side[2] - 0.3];
            for (down, ear_y) in [(0.04, 0.0), (0.93, 1.5)] {
                let [level, around] = on_head(side, down);
                let lift = |p: Vec3| add(p, [side * 0.05, 0.0, 0.02]);
                let mut path = vec![lift(surface.on_ring(level, around))];
                let end_level = surface.level(side * ear.side[0] * 0.96, ear_y);
                for part in [0.4, 0.8] {
                    let at = surface
                        .on_ring(mix(level, end_level, part), mix(around, side * 0.97, part));
                    path.push(lift(at));
                }
                path.push([ex, ear_y + 0.1, ez]);
                let sections: Vec<Section> = spline(&path, 3)
                    .into_iter()
                    .map(|at| Section {
                        at,
                        half: [0.03, 0.02],
                    })
                    .collect();
                loops.add_tube(&sections, [side, 0.0, 0.2], 5, |_, _| [0.0, 0.5, 0.0]);
            }
        }
        [
            Item::on_head(
                mesh,
                MaskPaint {
                    mask: *self,
                    loops: false,
                },
            ),
            Item::on_head(
                loops,
                MaskPaint {
                    mask: *self,
                    loops: true,
                },
            ),
        ]
    }
}

/// Away from the axis of the face.
fn outward(p: Vec3) -> Vec3 {
    normalized([0.6 * p[0], 0.3 * (p[1] - 2.2), 1.0])
}

struct MaskPaint {
    mask: Mask,
    loops: bool,
}

impl Painter for MaskPaint {
    fn material(&self, [s, t, _]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        let mut material = self.mask.fabric.material([1.9 * s, 2.6 * t], px, noise);
        material.translucency = 0.5;
        if self.loops {
            material.slope = [0.0; 2];
            material.albedo = material.albedo.map(|c| mix(c, 0.7, 0.4));
            return material;
        }
        let out = s.abs();
        // Hems and seams.
        let hem = ridge(t - 0.035, 0.03) + ridge(t - 0.965, 0.03) + ridge(out - 0.95, 0.035);
        material.open *= 1.0 - 0.25 * hem.min(1.0);
        match self.mask.kind {
            MaskKind::Surgical => {
                for fold in [0.3, 0.48, 0.66] {
                    let fold_line = fold + 0.05 * s * s * (0.5 - fold) * 2.0;
                    material.open *= 1.0 - 0.4 * ridge(t - fold_line, 0.022);
                    material.slope[1] += 0.45 * ridge(t - fold_line + 0.045, 0.05);
                    material.slope[1] -= 0.3 * ridge(t - fold_line - 0.04, 0.04);
                }
                // The wire over the nose.
                material.slope[1] += 0.3 * ridge(t - 0.06, 0.03) * smoothstep(0.6, 0.4, out);
            }
            MaskKind::Cloth => {
                material.open *= 1.0 - 0.2 * ridge(out, 0.02);
            }
            MaskKind::Respirator => {
                material.open *= 1.0 - 0.3 * ridge(out, 0.025);
                let weld = ridge(out - 0.84, 0.02) + ridge(t - 0.09, 0.015);
                material.open *= 1.0 - 0.2 * weld.min(1.0);
                // Printed letters on one side.
                let print = smoothstep(0.2, 0.25, s) * smoothstep(0.6, 0.55, s) * noise_text(s, t);
                let dark = super::item::level(self.mask.fabric.color) < 0.2;
                material.paint(0.5 * print, if dark { [0.5; 3] } else { [0.12; 3] });
            }
        }
        material
    }
}

/// Two lines of letters.
fn noise_text(s: f32, t: f32) -> f32 {
    let line = ridge(t - 0.42, 0.025) + ridge(t - 0.5, 0.025);
    let letter = (60.0 * s).sin() + (97.0 * s).sin();
    line.min(1.0) * smoothstep(-0.2, 0.2, letter)
}
