//! Invertible affine maps between two pixel frames.

use serde::{Deserialize, Serialize};

/// A map cannot be constructed: it is singular or contains a value that is not finite.
#[derive(Clone, Copy, PartialEq, thiserror::Error)]
#[error("affine map {rows:?} has no finite inverse (determinant {determinant})")]
pub struct AffineError {
    /// The two rows that were given.
    pub rows: [[f64; 3]; 2],
    /// Determinant of the linear part.
    pub determinant: f64,
}

crate::debug_as_sentence!(AffineError);

/// An invertible affine map of the plane, in pixel coordinates (pixel centers at integers).
///
/// Carries its inverse, because a warp needs it for every pixel and a prediction needs it to get
/// back to the image. A singular or non-finite map cannot be constructed. Variables are named
/// `dst_from_src`: `dst = map.apply(src)`.
///
/// ```
/// use fkp_core::Affine;
/// let rotate = Affine::rotation_about((47.5, 47.5), 90f64.to_radians());
/// let (x, y) = rotate.apply(95.0, 47.5);
/// // Counter-clockwise on the screen, where y points down: the right edge goes to the top.
/// assert!((x - 47.5).abs() < 1e-9 && (y - 0.0).abs() < 1e-9);
/// let (x, y) = rotate.inverse().apply(x, y);
/// assert!((x - 95.0).abs() < 1e-9 && (y - 47.5).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[[f64; 3]; 2]", into = "[[f64; 3]; 2]")]
pub struct Affine {
    forward: [[f64; 3]; 2],
    backward: [[f64; 3]; 2],
}

impl Affine {
    /// The map `x' = r[0][0]·x + r[0][1]·y + r[0][2]`, `y' = r[1][0]·x + r[1][1]·y + r[1][2]`.
    pub fn new(rows: [[f64; 3]; 2]) -> Result<Self, AffineError> {
        let [[a, b, tx], [c, d, ty]] = rows;
        let determinant = a * d - b * c;
        let inverse = 1.0 / determinant;
        let backward = [
            [d * inverse, -b * inverse, (b * ty - d * tx) * inverse],
            [-c * inverse, a * inverse, (c * tx - a * ty) * inverse],
        ];
        let finite = |m: &[[f64; 3]; 2]| m.iter().flatten().all(|v| v.is_finite());
        if !finite(&rows) || !finite(&backward) {
            return Err(AffineError { rows, determinant });
        }
        Ok(Self {
            forward: rows,
            backward,
        })
    }

    /// The identity map.
    pub fn identity() -> Self {
        Self::translation(0.0, 0.0)
    }

    /// Moves by `(dx, dy)` pixels.
    ///
    /// # Panics
    /// If a shift is not finite.
    pub fn translation(dx: f64, dy: f64) -> Self {
        Self::from_finite([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    }

    /// Scales by `sx` and `sy` about a fixed point.
    ///
    /// # Errors
    /// If a factor is zero or not finite.
    pub fn scale_about(center: (f64, f64), sx: f64, sy: f64) -> Result<Self, AffineError> {
        Self::new([
            [sx, 0.0, center.0 - sx * center.0],
            [0.0, sy, center.1 - sy * center.1],
        ])
    }

    /// Rotates about a fixed point, counter-clockwise as seen on a screen (y down), the sense of
    /// OpenCV's `getRotationMatrix2D`. The center of an image is `((w−1)/2, (h−1)/2)`.
    ///
    /// # Panics
    /// If the center or the angle is not finite.
    pub fn rotation_about(center: (f64, f64), radians: f64) -> Self {
        let (sin, cos) = radians.sin_cos();
        let (cx, cy) = center;
        Self::from_finite([
            [cos, sin, cx - cos * cx - sin * cy],
            [-sin, cos, cy + sin * cx - cos * cy],
        ])
    }

    /// Mirrors an image of this width left to right: `x ↦ width − 1 − x`.
    pub fn flip_horizontal(width: usize) -> Self {
        Self::from_finite([[-1.0, 0.0, width as f64 - 1.0], [0.0, 1.0, 0.0]])
    }

    /// Resizes a whole image: `x ↦ (x + 0.5)·s − 0.5` with `s` = new / old on each axis.
    ///
    /// # Errors
    /// If a side is zero.
    pub fn resize(src: (usize, usize), dst: (usize, usize)) -> Result<Self, AffineError> {
        let sx = dst.0 as f64 / src.0 as f64;
        let sy = dst.1 as f64 / src.1 as f64;
        Self::new([[sx, 0.0, 0.5 * sx - 0.5], [0.0, sy, 0.5 * sy - 0.5]])
    }

    /// First `self`, then `next`: `next_from_src = next · self`.
    ///
    /// # Errors
    /// If the product underflows to a singular map, which takes extreme factors.
    pub fn then(&self, next: &Self) -> Result<Self, AffineError> {
        let (m, n) = (&self.forward, &next.forward);
        let row = |r: &[f64; 3]| {
            [
                r[0] * m[0][0] + r[1] * m[1][0],
                r[0] * m[0][1] + r[1] * m[1][1],
                r[0] * m[0][2] + r[1] * m[1][2] + r[2],
            ]
        };
        Self::new([row(&n[0]), row(&n[1])])
    }

    /// The inverse map, `src_from_dst`.
    pub fn inverse(&self) -> Self {
        Self {
            forward: self.backward,
            backward: self.forward,
        }
    }

    /// Maps the point `(x, y)`.
    pub fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let [[a, b, tx], [c, d, ty]] = self.forward;
        (a * x + b * y + tx, c * x + d * y + ty)
    }

    /// The two rows of the matrix.
    pub fn rows(&self) -> [[f64; 3]; 2] {
        self.forward
    }

    /// Determinant of the linear part: the factor on areas, negative for a mirror.
    pub fn determinant(&self) -> f64 {
        let [[a, b, _], [c, d, _]] = self.forward;
        a * d - b * c
    }

    /// Whether the map exchanges left and right, so that a schema's flip pairs must be swapped.
    pub fn is_mirrored(&self) -> bool {
        self.determinant() < 0.0
    }

    /// For maps that are invertible by construction, given finite values.
    fn from_finite(rows: [[f64; 3]; 2]) -> Self {
        match Self::new(rows) {
            Ok(map) => map,
            Err(error) => panic!("{error}"),
        }
    }
}

impl TryFrom<[[f64; 3]; 2]> for Affine {
    type Error = AffineError;

    fn try_from(rows: [[f64; 3]; 2]) -> Result<Self, AffineError> {
        Self::new(rows)
    }
}

impl From<Affine> for [[f64; 3]; 2] {
    fn from(map: Affine) -> Self {
        map.forward
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: (f64, f64), b: (f64, f64)) -> bool {
        (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6
    }

    proptest! {
        #[test]
        fn the_inverse_of_a_chain_undoes_it(
            angle in -7.0f64..7.0, sx in 0.2f64..5.0, sy in 0.2f64..5.0,
            dx in -50.0f64..50.0, x in -100.0f64..100.0, y in -100.0f64..100.0,
        ) {
            let map = Affine::rotation_about((31.5, 20.0), angle)
                .then(&Affine::scale_about((3.0, 4.0), sx, sy).unwrap()).unwrap()
                .then(&Affine::translation(dx, -dx)).unwrap();
            let (u, v) = map.apply(x, y);
            prop_assert!(close(map.inverse().apply(u, v), (x, y)));
        }

        #[test]
        fn rotating_there_and_back_is_identity(
            angle in -7.0f64..7.0, x in -99.0f64..99.0, y in -99.0f64..99.0,
        ) {
            let center = (47.5, 30.0);
            let map = Affine::rotation_about(center, angle)
                .then(&Affine::rotation_about(center, -angle)).unwrap();
            prop_assert!(close(map.apply(x, y), (x, y)));
        }
    }

    #[test]
    fn flip_twice_is_identity_and_mirrors() {
        let flip = Affine::flip_horizontal(96);
        assert!(flip.is_mirrored());
        assert_eq!(flip.apply(0.0, 5.0), (95.0, 5.0));
        assert_eq!(flip.then(&flip).unwrap(), Affine::identity());
    }

    #[test]
    fn resize_keeps_the_edges() {
        let map = Affine::resize((192, 96), (96, 96)).unwrap();
        assert_eq!(map.apply(-0.5, -0.5), (-0.5, -0.5));
        assert_eq!(map.apply(191.5, 95.5), (95.5, 95.5));
    }

    #[test]
    fn singular_and_non_finite_maps_are_refused() {
        assert!(Affine::new([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]).is_err());
        assert!(Affine::new([[f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0]]).is_err());
        assert!(Affine::new([[1.0, 0.0, f64::INFINITY], [0.0, 1.0, 0.0]]).is_err());
        assert!(serde_json::from_str::<Affine>("[[0,0,0],[0,0,0]]").is_err());
    }
}
