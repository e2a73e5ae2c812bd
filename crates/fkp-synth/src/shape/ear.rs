//! Ears: a small mesh on each side of the head.

use super::Surface;
use crate::math::{Vec3, add, cross, falloff, normalized, scaled};
use crate::mesh::Edge;
use crate::mesh::Mesh;
use crate::params::Head;

/// Rows and columns of the mesh.
const GRID: [usize; 2] = [15, 11];

/// The ear on a side, 1 for the subject's left. Its surface coordinates are from 0 at the head to
/// 1 at the rim, and from −1 at the top to 1 at the lobe.
pub(crate) fn mesh(surface: &Surface, head: &Head, side: f32) -> Mesh {
    let ring = surface.ring(6.9);
    // Where the ear is attached.
    let at: Vec3 = [side * (ring.side[0] - 0.06), 0.78, ring.side[2] - 0.12];
    let angle = head.ear_angle;
    let size = head.ear_size;
    // Backward and outward; down, leaning back at the top.
    let back = [side * angle.sin(), 0.0, -angle.cos()];
    let down = normalized([0.0, 1.0, 0.22]);
    let out = normalized(cross(down, back));
    let out = scaled(out, if out[0] * side < 0.0 { -1.0 } else { 1.0 });
    let mut mesh = Mesh::default();
    mesh.add_grid(GRID, Edge::Open, |row, column| {
        let q = -1.0 + 2.0 * row as f32 / (GRID[0] - 1) as f32;
        let p = column as f32 / (GRID[1] - 1) as f32;
        let width = (1.0 - q * q).max(0.0).sqrt() * (0.98 - 0.24 * q) * 0.98 * size;
        let height = 0.98 * size;
        // The rim, the bowl, the ridge between them, the flap in front of the canal, the lobe.
        let bump = |cp: f32, cq: f32, rp: f32, rq: f32| {
            let (u, v) = ((p - cp) / rp, (q - cq) / rq);
            falloff(u * u + v * v)
        };
        let rim = crate::math::ridge(p - 0.9, 0.22) * (1.0 - 0.6 * q.max(0.0));
        let relief = 0.13 * rim - 0.2 * bump(0.38, 0.12, 0.34, 0.45)
            + 0.1 * bump(0.62, 0.0, 0.2, 0.9)
            - 0.07 * bump(0.78, -0.1, 0.14, 0.8)
            + 0.12 * bump(0.08, 0.2, 0.16, 0.25)
            + 0.04 * bump(0.4, 0.85, 0.5, 0.3);
        let start = 0.1 * (1.0 - q * q) * size;
        let place = add(
            add(at, scaled(down, q * height)),
            add(scaled(back, p * width - start), scaled(out, relief * size)),
        );
        (place, [p, q, side])
    });
    mesh
}
