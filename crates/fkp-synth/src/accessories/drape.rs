//! Cloth over a body, and joints that lie on it.

use crate::math::{Vec3, add, dot, scaled, sub};
use crate::mesh::Edge;
use crate::shape::Surface;

/// Pulls a grid of points taut: points in hollows move outward to the mean of their neighbors,
/// `rounds` times. The first and the last row stay.
pub(crate) fn pull_taut(
    points: &mut [Vec3],
    [rows, columns]: [usize; 2],
    edge: Edge,
    rounds: usize,
    outward: impl Fn(Vec3) -> Vec3,
) {
    for _ in 0..rounds {
        let before = points.to_vec();
        for row in 1..rows.saturating_sub(1) {
            for column in 0..columns {
                let (left, right) = match edge {
                    Edge::Joined => ((column + columns - 1) % columns, (column + 1) % columns),
                    _ if column == 0 || column + 1 == columns => (column, column),
                    Edge::Open | Edge::Mirrored => (column - 1, column + 1),
                };
                let at = row * columns + column;
                let around = [
                    before[at - columns],
                    before[at + columns],
                    before[row * columns + left],
                    before[row * columns + right],
                ];
                let mean = std::array::from_fn(|i| 0.25 * around.iter().map(|p| p[i]).sum::<f32>());
                let out = outward(before[at]);
                let lift = dot(sub(mean, before[at]), out);
                if lift > 0.0 {
                    points[at] = add(before[at], scaled(out, lift));
                }
            }
        }
    }
}

/// The first point from `start` along `out` that is at least `radius` in front of the face.
pub(crate) fn in_front(surface: &Surface, start: Vec3, out: Vec3, radius: f32) -> Vec3 {
    const STEP: f32 = 0.12;
    let mut at = start;
    for _ in 0..24 {
        match surface.height(at[0], at[1]) {
            Some(z) if at[2] < z + radius => at = add(at, scaled(out, STEP)),
            _ => break,
        }
    }
    at
}

/// The normal of the face at a point.
pub(crate) fn normal(surface: &Surface, x: f32, y: f32) -> Vec3 {
    const STEP: f32 = 0.25;
    let z = |dx: f32, dy: f32| surface.point(x + dx, y + dy)[2];
    let across = (z(STEP, 0.0) - z(-STEP, 0.0)) / (2.0 * STEP);
    let down = (z(0.0, STEP) - z(0.0, -STEP)) / (2.0 * STEP);
    crate::math::normalized([-across.clamp(-1.6, 1.6), -down.clamp(-0.8, 0.8), 1.0])
}
