//! Invertible perspective maps between two pixel frames.

use crate::AugmentError;
use fkp_core::Affine;
use serde::{Deserialize, Serialize};

/// Smallest `W` that is divided by. A point beyond the horizon of a perspective is moved very far
/// away instead of to infinity, so that the result is never NaN.
const HORIZON: f64 = 1e-9;

/// An invertible perspective map (homography) in pixel coordinates, carrying its inverse.
///
/// `(x', y') = (X/W, Y/W)` with `(X, Y, W) = H·(x, y, 1)`, `W > 0` in the part of the plane that
/// the image shows.
///
/// ```
/// use fkp_augment::Projective;
/// let square = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)];
/// let moved = [(1.0, 0.0), (8.0, 1.0), (9.0, 9.0), (0.0, 8.0)];
/// let map = Projective::from_corners(square, moved)?;
/// let (x, y) = map.apply(9.0, 0.0);
/// assert!((x - 8.0).abs() < 1e-9 && (y - 1.0).abs() < 1e-9);
/// # Ok::<(), fkp_augment::AugmentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[[f64; 3]; 3]", into = "[[f64; 3]; 3]")]
pub struct Projective {
    forward: [[f64; 3]; 3],
    backward: [[f64; 3]; 3],
}

impl Projective {
    /// The map with this matrix.
    ///
    /// # Errors
    /// If the matrix has no finite inverse.
    pub fn new(rows: [[f64; 3]; 3]) -> Result<Self, AugmentError> {
        let determinant = determinant(&rows);
        let mut backward = adjugate(&rows);
        backward
            .iter_mut()
            .flatten()
            .for_each(|v| *v /= determinant);
        let finite = |m: &[[f64; 3]; 3]| m.iter().flatten().all(|v| v.is_finite());
        if !finite(&rows) || !finite(&backward) {
            return Err(AugmentError::Singular { determinant });
        }
        Ok(Self {
            forward: rows,
            backward,
        })
    }

    /// The map of four corners to four corners, both in the same direction of rotation.
    ///
    /// # Errors
    /// If three of the corners lie on a line.
    pub fn from_corners(src: [(f64, f64); 4], dst: [(f64, f64); 4]) -> Result<Self, AugmentError> {
        let unit_from_src = Self::new(from_unit_square(src))?.inverse();
        let map = unit_from_src.then(&Self::new(from_unit_square(dst))?)?;
        // The matrix is defined up to its sign: W must be positive where the image is.
        let [_, _, [g, h, i]] = map.forward;
        if g * src[0].0 + h * src[0].1 + i < 0.0 {
            return Self::new(map.forward.map(|row| row.map(|v| -v)));
        }
        Ok(map)
    }

    /// First `self`, then `next`.
    ///
    /// # Errors
    /// If the product underflows to a singular map, which takes extreme factors.
    pub fn then(&self, next: &Self) -> Result<Self, AugmentError> {
        Self::new(product(&next.forward, &self.forward))
    }

    /// The inverse map.
    pub fn inverse(&self) -> Self {
        Self {
            forward: self.backward,
            backward: self.forward,
        }
    }

    /// Where the point `(x, y)` goes, in pixels. A point beyond the horizon is moved very far
    /// away and is never NaN.
    pub fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.forward;
        let w = (g * x + h * y + i).max(HORIZON);
        ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
    }

    /// The rows of the matrix.
    pub fn rows(&self) -> [[f64; 3]; 3] {
        self.forward
    }

    /// Whether left and right change places in the part of the plane that the image shows.
    pub fn is_mirrored(&self) -> bool {
        determinant(&self.forward) < 0.0
    }
}

impl From<Affine> for Projective {
    fn from(map: Affine) -> Self {
        let rows = |m: [[f64; 3]; 2]| [m[0], m[1], [0.0, 0.0, 1.0]];
        Self {
            forward: rows(map.rows()),
            backward: rows(map.inverse().rows()),
        }
    }
}

impl TryFrom<[[f64; 3]; 3]> for Projective {
    type Error = AugmentError;

    fn try_from(rows: [[f64; 3]; 3]) -> Result<Self, AugmentError> {
        Self::new(rows)
    }
}

impl From<Projective> for [[f64; 3]; 3] {
    fn from(map: Projective) -> Self {
        map.forward
    }
}

/// Heckbert, *Fundamentals of Texture Mapping and Image Warping* (1989), section 2.2.3: the map
/// from the corners (0,0), (1,0), (1,1), (0,1) of the unit square to a quadrilateral.
fn from_unit_square(corners: [(f64, f64); 4]) -> [[f64; 3]; 3] {
    let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = corners;
    let (dx1, dx2, sx) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
    let (dy1, dy2, sy) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
    let area = dx1 * dy2 - dx2 * dy1;
    let g = (sx * dy2 - dx2 * sy) / area;
    let h = (dx1 * sy - sx * dy1) / area;
    [
        [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
        [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
        [g, h, 1.0],
    ]
}

fn product(a: &[[f64; 3]; 3], b: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum::<f64>()))
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    let adjugate = adjugate(m);
    (0..3).map(|k| m[0][k] * adjugate[k][0]).sum()
}

fn adjugate(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let (r0, r1) = ((j + 1) % 3, (j + 2) % 3);
            let (c0, c1) = ((i + 1) % 3, (i + 2) % 3);
            m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SQUARE: [(f64, f64); 4] = [(-0.5, -0.5), (95.5, -0.5), (95.5, 95.5), (-0.5, 95.5)];

    proptest! {
        #[test]
        fn corners_go_to_corners_and_back(
            d in prop::array::uniform8(-19.0f64..19.0),
            x in 0.0f64..95.0, y in 0.0f64..95.0,
        ) {
            let mut moved = SQUARE;
            for (corner, d) in moved.iter_mut().zip(d.chunks(2)) {
                *corner = (corner.0 + d[0], corner.1 + d[1]);
            }
            let map = Projective::from_corners(SQUARE, moved).unwrap();
            for (src, dst) in SQUARE.iter().zip(moved) {
                let (u, v) = map.apply(src.0, src.1);
                prop_assert!((u - dst.0).abs() < 1e-6 && (v - dst.1).abs() < 1e-6);
            }
            let (u, v) = map.apply(x, y);
            let (u, v) = map.inverse().apply(u, v);
            prop_assert!((u - x).abs() < 1e-6 && (v - y).abs() < 1e-6);
            prop_assert!(!map.is_mirrored());
        }
    }

    #[test]
    fn a_mirror_is_found_in_a_perspective_and_a_singular_map_is_refused() {
        let moved = [(3.0, 0.0), (90.0, 4.0), (95.0, 95.0), (0.0, 90.0)];
        let map = Projective::from_corners(SQUARE, moved).unwrap();
        let flip = Projective::from(Affine::flip_horizontal(96));
        assert!(map.then(&flip).unwrap().is_mirrored());
        assert!(!flip.then(&map).unwrap().then(&flip).unwrap().is_mirrored());
        let flat = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)];
        assert!(Projective::from_corners(SQUARE, flat).is_err());
        let (x, y) = map.apply(-1e9, 1e9);
        assert!(x.is_finite() && y.is_finite());
    }
}
