//! Shadows of the key light: a variance shadow map (Donnelly and Lauritzen, *Variance Shadow Maps*,
//! I3D 2006).

use crate::math::{Vec3, add, cross, dot, mix, normalized, scaled, sub};
use crate::mesh::VisibilityBuffer;
use crate::mesh::visibility::{SAMPLES, ScreenVertex, Sides};

/// Side of the map in pixels, and eye units that it spans.
const MAP: usize = 40;
const SPAN: f32 = 12.0;
/// Side of the map in samples.
const SIDE: usize = MAP * SAMPLES;
/// The middle of the map, in the viewer's frame.
const MIDDLE: Vec3 = [0.0, 0.8, 0.0];
/// Nearness of the middle; everything must be at more than 0.
const NEAR: f32 = 20.0;
/// How far behind the middle the light ends, in eye units.
const BEHIND: f32 = 7.0;
/// The fraction of light that seems to pass an object whose distance from the shaded surface is small
/// beside the depth of the objects around it, and is therefore dropped.
const BLEEDING: f32 = 0.15;

/// The scene seen from the key light, in parallel projection.
#[derive(Debug, Clone)]
pub(crate) struct LightView {
    right: Vec3,
    down: Vec3,
    toward: Vec3,
    nearest: VisibilityBuffer,
}

impl LightView {
    /// An empty view from a direction.
    pub(crate) fn new(toward: Vec3) -> Self {
        let up = if toward[1].abs() > 0.9 {
            [0.0, 0.0, 1.0]
        } else {
            [0.0, 1.0, 0.0]
        };
        let right = normalized(cross(up, toward));
        Self {
            right,
            down: cross(toward, right),
            toward,
            nearest: VisibilityBuffer::new(MAP),
        }
    }

    /// Adds a mesh that casts shadows.
    pub(crate) fn draw(
        &mut self,
        positions: impl Iterator<Item = Vec3>,
        triangles: &[[u32; 3]],
        sides: Sides,
    ) {
        let vertices: Vec<ScreenVertex> = positions.map(|p| self.project(p)).collect();
        self.nearest.draw(&vertices, triangles, 0, sides);
    }

    /// The shadows of a lamp whose size blurs their edges over `softness` eye units.
    pub(crate) fn shadows(self, softness: f32) -> ShadowMap {
        let radius = (0.6 * softness * SIDE as f32 / SPAN).max(0.7);
        let moments = self.nearest.nearness().iter().map(|near| {
            let depth = (near - NEAR).max(-BEHIND);
            [depth, depth * depth]
        });
        let moments = blurred_columns(&moments.collect::<Vec<_>>(), radius);
        let moments = blurred_columns(&transposed(&moments), radius);
        ShadowMap {
            moments: transposed(&moments),
            view: self,
        }
    }

    fn project(&self, p: Vec3) -> ScreenVertex {
        let scale = MAP as f32 / SPAN;
        let middle = 0.5 * MAP as f32 - 0.5;
        let p = sub(p, MIDDLE);
        ScreenVertex {
            at: [
                middle + scale * dot(p, self.right),
                middle + scale * dot(p, self.down),
            ],
            near: NEAR + dot(p, self.toward),
        }
    }
}

/// Which points the key light reaches.
#[derive(Debug, Clone)]
pub(crate) struct ShadowMap {
    view: LightView,
    /// Mean depth and mean squared depth around each sample.
    moments: Vec<[f32; 2]>,
}

impl ShadowMap {
    /// The fraction of the key light that reaches a point with this normal.
    pub(crate) fn lit(&self, at: Vec3, normal: Vec3) -> f32 {
        let cos = dot(normal, self.view.toward);
        if cos <= -0.3 {
            return 1.0;
        }
        // Surfaces that are lit at a grazing angle would shade themselves.
        let bias = 0.1 + 0.3 * (1.0 - cos.max(0.0));
        let p = self.view.project(add(at, scaled(normal, 0.1)));
        let [mean, squared] = self.moments_at(p.at);
        let before = mean - (p.near - NEAR + bias);
        if before <= 0.0 {
            return 1.0;
        }
        // Chebyshev's inequality, as an estimate of the part of the samples that is behind.
        let variance = (squared - mean * mean).max(1e-4);
        let behind = variance / (variance + before * before);
        ((behind - BLEEDING) / (1.0 - BLEEDING)).max(0.0)
    }

    /// The moments at a position in pixels, linear between the four samples around it.
    fn moments_at(&self, at: [f32; 2]) -> [f32; 2] {
        let limit = (SIDE - 2) as f32;
        let [u, v] = at.map(|c| (c * SAMPLES as f32 + 0.5).clamp(0.0, limit));
        let (i, j) = (u as usize, v as usize);
        let (fu, fv) = (u - i as f32, v - j as f32);
        let corner = j * SIDE + i;
        let [a, b] = [self.moments[corner], self.moments[corner + 1]];
        let [c, d] = [self.moments[corner + SIDE], self.moments[corner + SIDE + 1]];
        std::array::from_fn(|k| mix(mix(a[k], b[k], fu), mix(c[k], d[k], fu), fv))
    }
}

/// The means of `2 · radius + 1` values of each column; at the ends with the last value repeated.
fn blurred_columns(values: &[[f32; 2]], radius: f32) -> Vec<[f32; 2]> {
    let whole = radius as isize;
    let part = radius - whole as f32;
    let total = 1.0 / (2.0 * radius + 1.0);
    let last = SIDE as isize - 1;
    let mut out = vec![[0.0; 2]; values.len()];
    for (y, out) in out.chunks_exact_mut(SIDE).enumerate() {
        for dy in -whole - 1..=whole + 1 {
            let weight = if dy.abs() > whole { part } else { 1.0 } * total;
            let row = (y as isize + dy).clamp(0, last) as usize * SIDE;
            for (out, value) in out.iter_mut().zip(&values[row..row + SIDE]) {
                out[0] += weight * value[0];
                out[1] += weight * value[1];
            }
        }
    }
    out
}

fn transposed(values: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let at = |index: usize| values[index % SIDE * SIDE + index / SIDE];
    (0..values.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_shades_what_is_behind_it() {
        let mut view = LightView::new([0.0, 0.0, 1.0]);
        let corners = [[-1.0, -0.2], [1.0, -0.2], [1.0, 1.8], [-1.0, 1.8]];
        let plate = corners.map(|[x, y]| [x, y, 2.0]).into_iter();
        view.draw(plate, &[[0, 1, 2], [0, 2, 3]], Sides::Both);
        for softness in [0.0, 0.3, 0.9] {
            let shadows = view.clone().shadows(softness);
            let lit = |x: f32, z: f32| shadows.lit([x, 0.8, z], [0.0, 0.0, 1.0]);
            assert!(lit(0.0, 0.0) < 0.02, "{}", lit(0.0, 0.0));
            assert!(lit(2.5, 0.0) > 0.98, "{}", lit(2.5, 0.0));
            assert!(lit(0.0, 2.0) > 0.98 && lit(0.0, 3.0) > 0.98);
            // Symmetric, and darker toward the middle.
            assert!((lit(0.9, 0.0) - lit(-0.9, 0.0)).abs() < 1e-3);
            let edge: Vec<f32> = (0..20).map(|i| lit(0.5 + 0.05 * i as f32, 0.0)).collect();
            assert!(edge.is_sorted_by(|a, b| a <= &(b + 1e-4)), "{edge:?}");
        }
    }
}
