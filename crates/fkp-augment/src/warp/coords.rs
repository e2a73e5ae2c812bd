//! Where the pixels of a block come from.

use super::BLOCK;
use super::fold::at_least;
use crate::geometry::Link;

/// Source coordinates of a block of destination pixels, in pixels. In `f32`, which resolves 1/4000
/// px in a picture of 4000 px; each block starts afresh from `f64`, so errors do not add up.
pub(crate) struct Coords {
    pub(crate) x: [f32; BLOCK],
    pub(crate) y: [f32; BLOCK],
    /// Whether they follow one another on a straight line.
    pub(crate) in_line: bool,
}

impl Coords {
    pub(crate) fn new() -> Self {
        Self {
            x: [0.0; BLOCK],
            y: [0.0; BLOCK],
            in_line: false,
        }
    }
}

/// The smallest depth of a perspective.
const HORIZON: f32 = 1e-9;

/// The map from the destination back to the source.
pub(crate) enum Backward<'a> {
    Affine([[f64; 3]; 2]),
    Projective([[f64; 3]; 3]),
    /// From the source to the destination, in this order.
    Chain(&'a [Link]),
}

impl Backward<'_> {
    /// The source of the [`BLOCK`] destination pixels from `(x, y)` to the right.
    #[inline(always)]
    pub(crate) fn fill(&self, x: f64, y: f64, at: &mut Coords) {
        match self {
            Self::Affine([[a, b, tx], [c, d, ty]]) => {
                let start = ((a * x + b * y + tx) as f32, (c * x + d * y + ty) as f32);
                let step = (*a as f32, *c as f32);
                at.in_line = true;
                for k in 0..BLOCK {
                    at.x[k] = start.0 + step.0 * k as f32;
                    at.y[k] = start.1 + step.1 * k as f32;
                }
            }
            Self::Projective([r0, r1, r2]) => {
                let start = |r: &[f64; 3]| r[0] * x + r[1] * y + r[2];
                let (sx, sy, sw) = (start(r0) as f32, start(r1) as f32, start(r2) as f32);
                let (dx, dy, dw) = (r0[0] as f32, r1[0] as f32, r2[0] as f32);
                // Beyond the horizon nothing is in line.
                at.in_line = sw.min(sw + dw * BLOCK as f32) > HORIZON;
                for k in 0..BLOCK {
                    let k32 = k as f32;
                    let w = 1.0 / at_least(sw + dw * k32, HORIZON);
                    at.x[k] = (sx + dx * k32) * w;
                    at.y[k] = (sy + dy * k32) * w;
                }
            }
            Self::Chain(_) => {
                at.in_line = false;
                for k in 0..BLOCK {
                    let (sx, sy) = self.point(x + k as f64, y);
                    (at.x[k], at.y[k]) = (sx as f32, sy as f32);
                }
            }
        }
    }

    /// The source of one point of the destination.
    pub(crate) fn point(&self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Affine([[a, b, tx], [c, d, ty]]) => (a * x + b * y + tx, c * x + d * y + ty),
            Self::Projective([r0, r1, r2]) => {
                let at = |r: &[f64; 3]| r[0] * x + r[1] * y + r[2];
                let w = at(r2).max(HORIZON.into());
                (at(r0) / w, at(r1) / w)
            }
            Self::Chain(links) => links.iter().rev().fold((x, y), |(x, y), link| match link {
                Link::Straight(map) => map.inverse().apply(x, y),
                Link::Bent(table) => table.backward(x, y),
            }),
        }
    }
}
