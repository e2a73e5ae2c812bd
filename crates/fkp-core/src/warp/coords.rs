//! The source coordinates of a block of destination pixels.

/// Number of pixels that are processed together.
pub(super) const BLOCK: usize = 32;

/// Source coordinates of a block of destination pixels, in pixels. In `f32`, which resolves 1/4000
/// px in an image of 4000 px; each block starts from `f64`, so that errors do not accumulate.
pub(super) struct Coords {
    pub(super) x: [f32; BLOCK],
    pub(super) y: [f32; BLOCK],
    /// Whether they are in order on a straight line.
    pub(super) in_line: bool,
}

impl Coords {
    pub(super) fn new() -> Self {
        Self {
            x: [0.0; BLOCK],
            y: [0.0; BLOCK],
            in_line: false,
        }
    }
}

/// A map of the plane that is not a matrix, evaluated point by point.
pub trait PointMap {
    /// The source position of the destination point `(x, y)`, in pixels.
    fn src_from_dst(&self, x: f64, y: f64) -> (f64, f64);
}

/// The map from the destination to the source.
#[derive(Clone, Copy)]
pub enum InverseMap<'a> {
    /// The rows of an affine map, such as those of [`crate::Affine::inverse`].
    Affine([[f64; 3]; 2]),
    /// The rows of a homography.
    Perspective([[f64; 3]; 3]),
    /// Any other map.
    Points(&'a dyn PointMap),
}

/// The smallest depth of a perspective.
const HORIZON: f32 = 1e-9;

impl InverseMap<'_> {
    /// The source positions of the [`BLOCK`] destination pixels from `(x, y)` to the right.
    #[inline(always)]
    pub(super) fn fill(&self, x: f64, y: f64, at: &mut Coords) {
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
            Self::Perspective([r0, r1, r2]) => {
                let start = |r: &[f64; 3]| r[0] * x + r[1] * y + r[2];
                let (sx, sy, sw) = (start(r0) as f32, start(r1) as f32, start(r2) as f32);
                let (dx, dy, dw) = (r0[0] as f32, r1[0] as f32, r2[0] as f32);
                // Beyond the horizon the coordinates are not on a line.
                at.in_line = sw.min(sw + dw * BLOCK as f32) > HORIZON;
                for k in 0..BLOCK {
                    let k32 = k as f32;
                    let w = 1.0 / at_least(sw + dw * k32, HORIZON);
                    at.x[k] = (sx + dx * k32) * w;
                    at.y[k] = (sy + dy * k32) * w;
                }
            }
            Self::Points(_) => {
                at.in_line = false;
                for k in 0..BLOCK {
                    let (sx, sy) = self.point(x + k as f64, y);
                    (at.x[k], at.y[k]) = (sx as f32, sy as f32);
                }
            }
        }
    }

    /// The source position of the destination point `(x, y)`, in pixels.
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Affine([[a, b, tx], [c, d, ty]]) => (a * x + b * y + tx, c * x + d * y + ty),
            Self::Perspective([r0, r1, r2]) => {
                let at = |r: &[f64; 3]| r[0] * x + r[1] * y + r[2];
                let w = at(r2).max(HORIZON.into());
                (at(r0) / w, at(r1) / w)
            }
            Self::Points(map) => map.src_from_dst(x, y),
        }
    }
}

/// `value`, or `low` if that is larger or `value` is NaN. One instruction, which `f32::max`, with
/// its other rule for NaN, is not.
#[inline(always)]
pub(super) fn at_least(value: f32, low: f32) -> f32 {
    if value > low { value } else { low }
}
