//! Headscarves and hoods: cloth around the face, over head and neck.

use super::drape::pull_taut;
use super::item::{Follow, Item, Painter, Shadow};
use crate::math::{Vec3, add, mix, normalized, scaled, smoothstep};
use crate::mesh::{Edge, Mesh};
use crate::noise::{Layer, NoiseTexture};
use crate::paint::Material;
use crate::params::{Hat, HatKind};
use crate::shape::Surface;
use std::f32::consts::{PI, TAU};

/// Rows outward from the face; columns around it, of which the first and the last meet under the
/// chin.
const GRID: [usize; 2] = [17, 57];

/// The cloth of a headscarf or a hood. Surface coordinates: position around the face, as an angle
/// from −π over 0 at the top to π; distance from the edge, 0 to 1; x.
pub(crate) fn item(hat: &Hat, surface: &Surface) -> Item {
    let [rows, columns] = GRID;
    let hood = hat.kind == HatKind::Hood;
    let top = surface.level(0.0, hat.line);
    let bottom = if hood { 15.2 } else { 13.75 };
    let (center, half) = (0.5 * (top + bottom), 0.5 * (bottom - top));
    let height = if hood { 1.36 } else { 1.12 };
    let turn = |column: usize| TAU * (column as f32 / (columns - 1) as f32 - 0.5);
    // Level and angle on the head: from the opening outward to the crown, the back and the
    // shoulders.
    let on_head = |row: usize, column: usize| -> [f32; 2] {
        let (sin, up) = turn(column).sin_cos();
        let cos = -up;
        let wide = sin.signum() * sin.abs().powf(0.85);
        let edge = [center + half * cos, height * wide];
        // The ray from the opening to the edge of the whole.
        let (low, high, round) = (0.1, if hood { 18.8 } else { 19.8 }, PI);
        let down = if cos > 0.0 {
            (high - center) / cos.max(1e-3)
        } else {
            (center - low) / (-cos).max(1e-3)
        };
        let out = round / sin.abs().max(1e-3);
        // Bounded by the rectangle of levels and angles.
        let distance = down.min(out * 2.4);
        let far = [
            (center + distance * cos).clamp(low, high),
            (distance / 2.4 * sin).clamp(-round, round),
        ];
        let t = row as f32 / (rows - 1) as f32;
        let t = t * (0.5 + 0.5 * t);
        [mix(edge[0], far[0], t), mix(edge[1], far[1], t)]
    };
    let mut points: Vec<Vec3> = (0..rows * columns)
        .map(|index| {
            let [level, angle] = on_head(index / columns, index % columns);
            surface.around(level, angle)
        })
        .collect();
    pull_taut(
        &mut points,
        GRID,
        Edge::Open,
        if hood { 10 } else { 36 },
        outward,
    );
    let mut mesh = Mesh::default();
    mesh.add_grid(GRID, Edge::Open, |row, column| {
        let t = row as f32 / (rows - 1) as f32;
        let angle = turn(column);
        let base = points[row * columns + column];
        let away = smoothstep(0.0, 0.3, t);
        // Cloth hangs from the jaw and does not follow the neck.
        let [level, _] = on_head(row, column);
        let off = (level - 16.3) / 3.4;
        let neck = away * (1.0 - off * off).max(0.0) * smoothstep(0.3, -0.4, angle.cos());
        let lift = 0.07 + hat.fit * away + 0.55 * neck + if hood { 0.25 } else { 0.22 * away };
        let mut at = add(base, scaled(outward(base), lift));
        if hood {
            // The edge of a hood hangs forward over the forehead.
            let forward = smoothstep(0.35, 0.0, t) * smoothstep(-0.5, 1.0, angle.cos());
            at = add(at, scaled([0.0, -0.1, 0.55], forward));
        }
        (at, [angle, t, at[0]])
    });
    Item {
        mesh,
        follow: Follow::Neck,
        shadow: Shadow::Cast,
        painter: Box::new(VeilPaint { hat: *hat }),
    }
}

fn outward(p: Vec3) -> Vec3 {
    normalized([p[0], 0.5 * (p[1] + 0.5).min(0.0), p[2] + 0.4])
}

struct VeilPaint {
    hat: Hat,
}

impl Painter for VeilPaint {
    fn material(&self, [angle, t, x]: [f32; 3], px: f32, noise: &NoiseTexture) -> Material {
        let hat = &self.hat;
        let mut material = hat.fabric.material([1.8 * angle, 4.0 * t], px, noise);
        // The ends of the cloth meet under the chin.
        let seam = smoothstep(PI, PI - 0.6, angle.abs());
        material.slope = material.slope.map(|c| c * seam);
        material.gloss = hat.gloss;
        // Folds run around the face, deeper on neck and shoulders.
        let below = smoothstep(0.2, -0.8, angle.cos());
        let wave = noise.at(
            Layer::LongHair,
            0.5 * x + 1.3 * angle.sin(),
            7.0 * t - 0.9 * angle.cos(),
        ) - 0.5;
        let deep = mix(0.5, 1.2, below);
        material.open *= 1.0 - 0.5 * deep * (0.1 - wave).clamp(0.0, 0.6);
        material.slope[1] += 1.3 * deep * wave;
        // The hem.
        material.open *= 1.0 - 0.35 * smoothstep(0.05, 0.0, t);
        if hat.kind == HatKind::Hood {
            material.paint(smoothstep(0.06, 0.04, t), hat.trim);
        }
        material
    }
}
