//! Elastic and grid distortion.

use crate::AugmentError;
use crate::range::{check_integer, check_number};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Largest number of cells along an axis: the control points are on the stack.
pub(crate) const MAX_CELLS: usize = 16;
const MAX_KNOTS: usize = MAX_CELLS + 3;

/// The kind of a distortion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DistortionKind {
    /// A uniform cubic B-spline over randomly displaced control points (free-form deformation,
    /// Rueckert et al. 1999): smooth, in both axes together.
    Elastic,
    /// Each column and each row of a grid becomes wider or narrower: piecewise linear and
    /// separable.
    Grid,
}

impl DistortionKind {
    /// The largest magnitude at which the map still has an inverse.
    pub(crate) fn max_magnitude(self) -> f64 {
        match self {
            Self::Elastic => 0.2,
            Self::Grid => 0.9,
        }
    }
}

/// A nonlinear, invertible map of a frame onto (nearly) itself, recorded by its seed.
///
/// Defined from destination to source, as resampling needs it: `src = dst + d(dst)`. The
/// displacement `d` is small enough for the map to have an inverse, by which keypoints are moved;
/// it is computed to 1e-9 px.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "DistortionSpec", into = "DistortionSpec")]
pub struct Distortion {
    spec: DistortionSpec,
}

/// How a [`Distortion`] is written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DistortionSpec {
    shape: DistortionKind,
    cells: usize,
    magnitude: f64,
    seed: u64,
    size: (usize, usize),
}

impl Distortion {
    /// A distortion of a frame of `size` = (width, height) with `cells` cells along each axis.
    /// `magnitude` is the largest displacement of a control point in cells (elastic, at most 0.2)
    /// or the largest relative change of a cell's width (grid, at most 0.9).
    ///
    /// # Errors
    /// If `cells` is not 1 to 16, `magnitude` is out of range, or a side is zero.
    pub fn new(
        kind: DistortionKind,
        cells: usize,
        magnitude: f64,
        seed: u64,
        size: (usize, usize),
    ) -> Result<Self, AugmentError> {
        DistortionSpec {
            shape: kind,
            cells,
            magnitude,
            seed,
            size,
        }
        .try_into()
    }

    /// The control points, computed once for many points.
    pub(super) fn table(&self) -> DistortionTable {
        let DistortionSpec {
            shape,
            cells,
            magnitude,
            seed,
            size,
        } = self.spec;
        let cell = (size.0 as f64 / cells as f64, size.1 as f64 / cells as f64);
        let mut table = DistortionTable {
            kind: shape,
            cells,
            cell,
            span: (size.0 as f64, size.1 as f64),
            knots: [[0.0; 2]; MAX_KNOTS * MAX_KNOTS],
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut sample = || rng.random_range(-magnitude..=magnitude);
        match shape {
            DistortionKind::Elastic => {
                for knot in &mut table.knots {
                    *knot = [sample() * cell.0, sample() * cell.1];
                }
            }
            DistortionKind::Grid => {
                // knots[i][axis] is where the destination's i-th line comes from.
                for (axis, span) in [size.0 as f64, size.1 as f64].into_iter().enumerate() {
                    let mut at = 0.0;
                    for i in 0..cells {
                        table.knots[i][axis] = at;
                        at += 1.0 + sample();
                    }
                    table.knots[cells][axis] = at;
                    for knot in &mut table.knots[..=cells] {
                        knot[axis] *= span / at;
                    }
                }
            }
        }
        table
    }
}

impl TryFrom<DistortionSpec> for Distortion {
    type Error = AugmentError;

    fn try_from(spec: DistortionSpec) -> Result<Self, AugmentError> {
        check_integer("cells", spec.cells, 1, MAX_CELLS)?;
        let shorter = spec.size.0.min(spec.size.1);
        check_number("size", shorter as f64, 1.0, f64::INFINITY)?;
        check_number("magnitude", spec.magnitude, 0.0, spec.shape.max_magnitude())?;
        Ok(Self { spec })
    }
}

impl From<Distortion> for DistortionSpec {
    fn from(distortion: Distortion) -> Self {
        distortion.spec
    }
}

/// The control points of a distortion.
pub(super) struct DistortionTable {
    kind: DistortionKind,
    cells: usize,
    cell: (f64, f64),
    span: (f64, f64),
    knots: [[f64; 2]; MAX_KNOTS * MAX_KNOTS],
}

impl DistortionTable {
    /// `src` of a point of the destination, in pixels.
    pub(super) fn backward(&self, x: f64, y: f64) -> (f64, f64) {
        match self.kind {
            DistortionKind::Elastic => {
                let (dx, dy) = self.displacement(x, y);
                (x + dx, y + dy)
            }
            DistortionKind::Grid => {
                let line = |v: f64, axis: usize, cell: f64| {
                    let u = (v + 0.5) / cell;
                    // Beyond the frame the outermost cells are extended.
                    let i = (u.max(0.0) as usize).min(self.cells - 1);
                    let (a, b) = (self.knots[i][axis], self.knots[i + 1][axis]);
                    a + (b - a) * (u - i as f64) - 0.5
                };
                (line(x, 0, self.cell.0), line(y, 1, self.cell.1))
            }
        }
    }

    /// `dst` of a point of the source, in pixels.
    pub(super) fn forward(&self, x: f64, y: f64) -> (f64, f64) {
        match self.kind {
            DistortionKind::Elastic => {
                // The displacement's slope is below 0.8, so the iteration contracts.
                let (mut u, mut v) = (x, y);
                for _ in 0..120 {
                    let (dx, dy) = self.displacement(u, v);
                    let change = (x - dx - u).abs() + (y - dy - v).abs();
                    (u, v) = (x - dx, y - dy);
                    if change < 1e-9 {
                        break;
                    }
                }
                (u, v)
            }
            DistortionKind::Grid => {
                let line = |v: f64, axis: usize, cell: f64| {
                    let at = v + 0.5;
                    let inner = &self.knots[1..self.cells];
                    let i = inner.iter().take_while(|knot| knot[axis] <= at).count();
                    let (a, b) = (self.knots[i][axis], self.knots[i + 1][axis]);
                    (i as f64 + (at - a) / (b - a)) * cell - 0.5
                };
                (line(x, 0, self.cell.0), line(y, 1, self.cell.1))
            }
        }
    }

    /// The B-spline's displacement; beyond the frame, that of the nearest edge.
    fn displacement(&self, x: f64, y: f64) -> (f64, f64) {
        let place = |v: f64, span: f64, cell: f64| {
            let u = (v + 0.5).clamp(0.0, span) / cell;
            let i = (u as usize).min(self.cells - 1);
            (i, weights(u - i as f64))
        };
        let (i, wx) = place(x, self.span.0, self.cell.0);
        let (j, wy) = place(y, self.span.1, self.cell.1);
        let (mut dx, mut dy) = (0.0, 0.0);
        for (row, wy) in wy.into_iter().enumerate() {
            let start = (j + row) * MAX_KNOTS + i;
            let (mut rx, mut ry) = (0.0, 0.0);
            for (knot, wx) in self.knots[start..start + 4].iter().zip(wx) {
                rx += wx * knot[0];
                ry += wx * knot[1];
            }
            dx += wy * rx;
            dy += wy * ry;
        }
        (dx, dy)
    }
}

/// The four cubic B-spline weights at `t` in [0, 1].
fn weights(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn forward_undoes_backward(
            elastic: bool, cells in 1usize..=16, strength in 0.0f64..1.0, seed: u64,
            x in -40.0f64..140.0, y in -40.0f64..120.0,
        ) {
            let (kind, magnitude) = match elastic {
                true => (DistortionKind::Elastic, 0.2 * strength),
                false => (DistortionKind::Grid, 0.9 * strength),
            };
            let table = Distortion::new(kind, cells, magnitude, seed, (97, 80)).unwrap().table();
            let (u, v) = table.backward(x, y);
            let (u, v) = table.forward(u, v);
            prop_assert!((u - x).abs() < 1e-5 && (v - y).abs() < 1e-5, "{u} {v}");
        }
    }

    #[test]
    fn a_magnitude_of_zero_changes_nothing() {
        for kind in [DistortionKind::Elastic, DistortionKind::Grid] {
            let table = Distortion::new(kind, 5, 0.0, 1, (50, 40)).unwrap().table();
            let (x, y) = table.backward(13.25, 7.5);
            assert!((x - 13.25).abs() < 1e-9 && (y - 7.5).abs() < 1e-9);
        }
    }
}
