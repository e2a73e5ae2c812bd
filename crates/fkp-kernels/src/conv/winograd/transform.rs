//! The transforms of F(4×4, 3×3) and their adjoints, on vectors of channels.
//!
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, with the
//! interpolation points 0, ±1/√2, ±√2, ∞ instead of 0, ±1, ±2, ∞: their powers stay near 1, which
//! makes the rounding error about four times smaller (Barabasz et al., "Error Analysis and
//! Improving the Accuracy of Winograd Convolution for Deep Neural Networks", TOMS 2020).

use crate::simd::Simd;

/// Output pixels of one tile in each direction.
pub(crate) const OUT: usize = 4;
/// Input pixels of one tile in each direction.
pub(crate) const IN: usize = 6;
/// Products per tile and pair of channels.
pub(crate) const POINTS: usize = IN * IN;

/// The smaller positive point; its square is 1/2.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// The larger positive point; its square is 2.
const B: f32 = std::f32::consts::SQRT_2;
/// Factors of the transformed taps at these points.
const FILTER_A: f32 = -1.0 / 1.5;
const FILTER_B: f32 = 1.0 / 6.0;

/// A linear transform from `I` to `O` values.
pub(crate) trait Transform<const I: usize, const O: usize>: Copy {
    fn apply<S: Simd>(self, s: S, v: [S::f32s; I]) -> [S::f32s; O];

    /// The transform of the columns and then of the rows of a square.
    #[inline(always)]
    fn apply_2d<S: Simd>(self, s: S, square: &[[S::f32s; I]; I]) -> [[S::f32s; O]; O] {
        let mut half = [[s.splat_f32s(0.0); I]; O];
        for x in 0..I {
            let mut column = [s.splat_f32s(0.0); I];
            for y in 0..I {
                column[y] = square[y][x];
            }
            let column = self.apply(s, column);
            for y in 0..O {
                half[y][x] = column[y];
            }
        }
        let mut out = [[s.splat_f32s(0.0); O]; O];
        for y in 0..O {
            out[y] = self.apply(s, half[y]);
        }
        out
    }
}

/// Input pixels to points (`Bᵀ`).
#[derive(Clone, Copy)]
pub(crate) struct Input;

impl Transform<6, 6> for Input {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
        let [d0, d1, d2, d3, d4, d5] = d;
        let even = [s.add_scaled(d4, -2.0, d2), s.add_scaled(d4, -0.5, d2)];
        let odd = [s.add_scaled(d3, -2.0, d1), s.add_scaled(d3, -0.5, d1)];
        let [v1, v2, v3, v4] = at_points(s, even, odd);
        let v0 = s.add_f32s(s.add_scaled(d0, -2.5, d2), d4);
        let v5 = s.add_f32s(s.add_scaled(d1, -2.5, d3), d5);
        [v0, v1, v2, v3, v4, v5]
    }
}

/// Gradient of the points to gradient of the input pixels (`B`).
#[derive(Clone, Copy)]
pub(crate) struct InputAdjoint;

impl Transform<6, 6> for InputAdjoint {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, v: [S::f32s; 6]) -> [S::f32s; 6] {
        let [v0, v1, v2, v3, v4, v5] = v;
        let (even, odd) = at_points_adjoint(s, [v1, v2, v3, v4]);
        let d2 = s.add_scaled(s.scale(-0.5, even[1]), -2.0, even[0]);
        let d1 = s.add_scaled(s.scale(-0.5, odd[1]), -2.0, odd[0]);
        [
            v0,
            s.add_f32s(d1, v5),
            s.add_scaled(d2, -2.5, v0),
            s.add_scaled(s.add_f32s(odd[0], odd[1]), -2.5, v5),
            s.add_f32s(v0, s.add_f32s(even[0], even[1])),
            v5,
        ]
    }
}

/// Points to output pixels (`Aᵀ`).
#[derive(Clone, Copy)]
pub(crate) struct Output;

impl Transform<6, 4> for Output {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
        let [m0, m1, m2, m3, m4, m5] = m;
        let (even, odd) = at_points_adjoint(s, [m1, m2, m3, m4]);
        let y3 = s.add_scaled(s.scale(2.0, odd[1]), 0.5, odd[0]);
        [
            s.add_f32s(m0, s.add_f32s(even[0], even[1])),
            s.add_f32s(odd[0], odd[1]),
            s.add_scaled(s.scale(2.0, even[1]), 0.5, even[0]),
            s.add_f32s(y3, m5),
        ]
    }
}

/// Gradient of the output pixels to gradient of the points (`A`).
#[derive(Clone, Copy)]
pub(crate) struct OutputAdjoint;

impl Transform<4, 6> for OutputAdjoint {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
        let [y0, y1, y2, y3] = y;
        let even = [s.add_scaled(y0, 0.5, y2), s.add_scaled(y0, 2.0, y2)];
        let odd = [s.add_scaled(y1, 0.5, y3), s.add_scaled(y1, 2.0, y3)];
        let [m1, m2, m3, m4] = at_points(s, even, odd);
        [y0, m1, m2, m3, m4, y3]
    }
}

/// Taps to points (`G`).
#[derive(Clone, Copy)]
pub(crate) struct Filter;

impl Transform<3, 6> for Filter {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, g: [S::f32s; 3]) -> [S::f32s; 6] {
        let [g0, g1, g2] = g;
        let even_a = s.scale(FILTER_A, s.add_scaled(g0, 0.5, g2));
        let even_b = s.scale(FILTER_B, s.add_scaled(g0, 2.0, g2));
        let (odd_a, odd_b) = (s.scale(A, g1), s.scale(B, g1));
        [
            g0,
            s.add_scaled(even_a, FILTER_A, odd_a),
            s.sub_f32s(even_a, s.scale(FILTER_A, odd_a)),
            s.add_scaled(even_b, FILTER_B, odd_b),
            s.sub_f32s(even_b, s.scale(FILTER_B, odd_b)),
            g2,
        ]
    }
}

/// Gradient of the points to gradient of the taps (`Gᵀ`).
#[derive(Clone, Copy)]
pub(crate) struct FilterAdjoint;

impl Transform<6, 3> for FilterAdjoint {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
        let [u0, u1, u2, u3, u4, u5] = u;
        let even_a = s.scale(FILTER_A, s.add_f32s(u1, u2));
        let even_b = s.scale(FILTER_B, s.add_f32s(u3, u4));
        let odd_a = s.scale(FILTER_A, s.sub_f32s(u1, u2));
        let odd_b = s.scale(FILTER_B, s.sub_f32s(u3, u4));
        let g2 = s.add_scaled(s.scale(2.0, even_b), 0.5, even_a);
        [
            s.add_f32s(u0, s.add_f32s(even_a, even_b)),
            s.add_scaled(s.scale(B, odd_b), A, odd_a),
            s.add_f32s(g2, u5),
        ]
    }
}

/// `even + x · odd` at the points `x` = ±1/√2, ±√2, where the first of `even` and `odd` belong to
/// ±1/√2.
#[inline(always)]
fn at_points<S: Simd>(s: S, even: [S::f32s; 2], odd: [S::f32s; 2]) -> [S::f32s; 4] {
    [
        s.add_scaled(even[0], A, odd[0]),
        s.add_scaled(even[0], -A, odd[0]),
        s.add_scaled(even[1], B, odd[1]),
        s.add_scaled(even[1], -B, odd[1]),
    ]
}

/// The adjoint of [`at_points`]: `even` and `odd`.
#[inline(always)]
fn at_points_adjoint<S: Simd>(s: S, v: [S::f32s; 4]) -> ([S::f32s; 2], [S::f32s; 2]) {
    let [v1, v2, v3, v4] = v;
    let even = [s.add_f32s(v1, v2), s.add_f32s(v3, v4)];
    let odd_a = s.scale(A, s.sub_f32s(v1, v2));
    let odd_b = s.scale(B, s.sub_f32s(v3, v4));
    (even, [odd_a, odd_b])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, dispatch};

    struct OneRow;

    impl Kernel for OneRow {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let pixels = [0.3f32, -1.2, 0.7, 2.1, -0.4, 0.9];
            let taps = [0.5f32, -0.8, 1.1];
            let dy = [1.5f32, -0.2, 0.6, 0.35];
            let v = Input.apply(s, pixels.map(|p| s.splat_f32s(p)));
            let u = Filter.apply(s, taps.map(|t| s.splat_f32s(t)));
            let mut m = [s.splat_f32s(0.0); 6];
            let mut dv = m;
            let mut du = m;
            let dm = OutputAdjoint.apply(s, dy.map(|y| s.splat_f32s(y)));
            for i in 0..6 {
                m[i] = s.mul_f32s(v[i], u[i]);
                dv[i] = s.mul_f32s(dm[i], u[i]);
                du[i] = s.mul_f32s(dm[i], v[i]);
            }
            let close = |got: S::f32s, expected: f32| {
                let got = s.to_lanes(got)[0];
                assert!((got - expected).abs() < 2e-6, "{got} instead of {expected}");
            };
            let y = Output.apply(s, m);
            for i in 0..4 {
                close(y[i], (0..3).map(|k| pixels[i + k] * taps[k]).sum());
            }
            let dx = InputAdjoint.apply(s, dv);
            for (i, &dx) in dx.iter().enumerate() {
                let inside = (0..3).filter(|&k| k <= i && i - k < 4);
                close(dx, inside.map(|k| dy[i - k] * taps[k]).sum());
            }
            let dw = FilterAdjoint.apply(s, du);
            for k in 0..3 {
                close(dw[k], (0..4).map(|i| dy[i] * pixels[i + k]).sum());
            }
        }
    }

    #[test]
    fn one_dimensional_convolution_and_its_gradients_equal_the_definition() {
        dispatch(OneRow);
    }
}
