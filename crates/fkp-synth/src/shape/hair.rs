//! Meshes of the hair: a shell over the scalp, and long hair that hangs from it.

use super::Surface;
use crate::math::{Vec3, add, mix, normalized, scaled, smoothstep};
use crate::mesh::Edge;
use crate::mesh::Mesh;
use crate::noise::{Layer, NoiseTexture};
use crate::params::Hair;
use std::f32::consts::{FRAC_PI_2, PI};

/// The hairline: where on the head hair grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hairline {
    /// y of the line at each of [`AROUND`].
    y: [f32; 9],
    recede: f32,
    parting: f32,
}

/// Distances around the head from the middle of the forehead, as face coordinates.
const AROUND: [f32; 9] = [0.0, 0.7, 1.3, 1.72, 1.98, 2.16, 2.5, 3.0, 4.7];

impl Hairline {
    pub(crate) fn new(hair: &Hair) -> Self {
        let line = hair.line;
        let sideburn = hair.sideburn;
        Self {
            y: [
                line,
                line + 0.04 + 0.3 * hair.drop,
                line + 0.22 + 0.7 * hair.drop,
                mix(line + 0.7, -1.0, 0.5) + hair.drop,
                -0.35,
                sideburn,
                sideburn + 0.15,
                1.9,
                2.75,
            ],
            recede: hair.recede,
            parting: hair.parting,
        }
    }

    /// Signed distance, down from the line: negative under hair.
    pub(crate) fn below(&self, x: f32, y: f32) -> f32 {
        let a = x.abs();
        let index = AROUND
            .iter()
            .rposition(|from| a >= *from)
            .unwrap_or(0)
            .min(7);
        let t = ((a - AROUND[index]) / (AROUND[index + 1] - AROUND[index])).clamp(0.0, 1.0);
        let mut line = mix(self.y[index], self.y[index + 1], t);
        let corner = smoothstep(0.3, 0.95, a) * smoothstep(1.9, 1.3, a);
        line -= self.recede * corner;
        line -= 0.12 * smoothstep(0.7, 0.0, (x - self.parting).abs()) * self.recede;
        y - line
    }
}

/// The shell of hair over the scalp, raised by `lift` eye units above the hair's own volume,
/// for pixels of this width.
/// Surface coordinates are those of the head: x, y and angle.
pub(crate) fn shell(
    surface: &Surface,
    hair: &Hair,
    line: &Hairline,
    noise: &NoiseTexture,
    lift: f32,
    px: f32,
) -> Mesh {
    let (rows, columns) = if px < 0.035 { (30, 48) } else { (20, 36) };
    let levels: Vec<f32> = (0..=rows)
        .map(|row| 0.02 + row as f32 * 12.2 / rows as f32)
        .collect();
    let mut mesh = Mesh::default();
    mesh.add_grid([levels.len(), columns], Edge::Joined, |row, column| {
        let level = levels[row];
        let angle = PI * (2.0 * column as f32 / columns as f32 - 1.0);
        let ring = surface.ring(level);
        let s = angle.sin();
        let (base, x) = if angle.abs() <= FRAC_PI_2 {
            let p = ring.front_at(s);
            (p, p[0])
        } else {
            let p = ring.back_at(s);
            (p, angle.signum() * 2.0 * ring.side[0] - p[0])
        };
        let y = base[1];
        let below = line.below(x, y);
        // Thin at the line where it grows, except for a fringe, which falls over it.
        let root = smoothstep(0.15, -0.9, below);
        let top = smoothstep(1.5, -2.5, y);
        let sides = mix(hair.side_volume, hair.volume, top);
        let tuft = noise.at(Layer::Tufts, angle * 2.0, y * 1.3) - 0.5;
        let curl = noise.at(Layer::Curls, angle * 5.0, y * 3.0) - 0.5;
        let swept = 1.0 + 0.35 * hair.sweep * s * top;
        let thickness = (sides * mix(0.25, 1.0, root) * swept * (1.0 + 0.4 * tuft)
            + 0.3 * hair.curl * curl * root)
            .max(0.02)
            + 0.05
            + lift;
        // Away from the axis of the head.
        let center = [0.0, -0.4, -0.3];
        let out = normalized([
            base[0] - center[0],
            0.75 * (base[1] - center[1]).min(0.0),
            base[2] - center[2],
        ]);
        (add(base, scaled(out, thickness)), [x, y, angle])
    });
    mesh
}

/// Long hair around neck and shoulders: a curtain from the sides over the back, hanging to
/// `hair.length`. Surface coordinates: x as on the shell, y, angle. `None` for short hair.
pub(crate) fn curtain(surface: &Surface, hair: &Hair, noise: &NoiseTexture) -> Option<Mesh> {
    if hair.length < 1.0 {
        return None;
    }
    let (rows, columns) = (18, 41);
    // The front edge, as an angle from the front.
    let edge = hair.curtain;
    let ring = surface.ring(5.2);
    let mut mesh = Mesh::default();
    mesh.add_grid([rows, columns], Edge::Mirrored, |row, column| {
        let t = row as f32 / (rows - 1) as f32;
        let around = column as f32 / (columns - 1) as f32;
        // From the left front edge over the back to the right front edge.
        let angle = edge + (2.0 * PI - 2.0 * edge) * around;
        let (sin, cos) = angle.sin_cos();
        let angle = if angle > PI { angle - 2.0 * PI } else { angle };
        let start = -0.9;
        let end = hair.length + 0.5 * (noise.at(Layer::HairEnd, angle * 3.0, 0.5) - 0.5);
        let y = mix(start, end, t);
        let side = hair.side_volume + 0.1;
        let widen = side * smoothstep(0.0, 0.25, t) + 0.12 * smoothstep(0.3, 0.7, t);
        let wave =
            hair.curl * 0.25 * (y * 2.6 + 3.0 * noise.at(Layer::LongHair, angle * 2.0, 1.5)).sin()
                + 0.25 * (noise.at(Layer::LongHair, angle * 3.0, y * 0.7) - 0.5);
        // Hair follows the neck a little, then lies on the shoulders.
        let neck = -0.35 * smoothstep(1.5, 4.0, y) + 0.9 * smoothstep(4.6, 6.5, y);
        let width = ring.side[0] + widen + 0.55 * wave + neck;
        let (front, back) = (ring.front[1], ring.back[1]);
        let depth = if cos > 0.0 {
            // In front of the ears it stays beside the face.
            0.62 * front * cos
        } else {
            -(back - 0.1 - 0.4 * side - 0.5 * wave - 0.5 * neck) * cos
        };
        let at: Vec3 = [width * sin, y, ring.side[2] + depth];
        (at, [4.0 * angle / PI, y, angle])
    });
    // Columns run from left to right here, the other way than on the head.
    for normal in &mut mesh.normals {
        *normal = normal.map(|c| -c);
    }
    for triangle in &mut mesh.triangles {
        triangle.swap(1, 2);
    }
    Some(mesh)
}
