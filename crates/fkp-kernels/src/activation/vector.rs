//! Values and derivatives of the activations for vectors.

use super::definition::Activation;
use crate::simd::Simd;

impl Activation {
    /// [`Self::apply`] in every lane.
    #[inline(always)]
    pub(crate) fn apply_vector<S: Simd>(self, s: S, x: S::f32s) -> S::f32s {
        let splat = |v| s.splat_f32s(v);
        match self {
            Self::Identity => x,
            Self::Relu => s.relu(x),
            Self::Relu6 => clamp_to_six(s, x),
            Self::LeakyRelu { slope } => {
                let positive = s.greater_than_f32s(x, splat(0.0));
                s.select_f32s(positive, x, s.scale(slope, x))
            }
            Self::Silu => s.mul_f32s(x, logistic(s, x)),
            Self::HardSwish => {
                let gate = clamp_to_six(s, s.add_f32s(x, splat(3.0)));
                s.scale(1.0 / 6.0, s.mul_f32s(x, gate))
            }
            Self::Gelu => s.map_lanes(x, |x| self.apply(x)),
            Self::Sigmoid => logistic(s, x),
            Self::HardSigmoid => s.scale(1.0 / 6.0, clamp_to_six(s, s.add_f32s(x, splat(3.0)))),
        }
    }

    /// `grad` times the derivative at `x`, in every lane.
    #[inline(always)]
    pub(crate) fn backward_vector<S: Simd>(self, s: S, x: S::f32s, grad: S::f32s) -> S::f32s {
        let splat = |v| s.splat_f32s(v);
        let zero = splat(0.0);
        match self {
            Self::Identity => grad,
            Self::Relu => s.select_f32s(s.greater_than_f32s(x, zero), grad, zero),
            Self::Relu6 => {
                let grad = s.select_f32s(s.greater_than_f32s(x, zero), grad, zero);
                s.select_f32s(s.greater_than_f32s(x, splat(6.0)), zero, grad)
            }
            Self::LeakyRelu { slope } => {
                let positive = s.greater_than_f32s(x, zero);
                s.select_f32s(positive, grad, s.scale(slope, grad))
            }
            Self::Silu => {
                let gate = logistic(s, x);
                let rest = s.mul_f32s(x, s.sub_f32s(splat(1.0), gate));
                s.mul_f32s(grad, s.mul_add(gate, rest, gate))
            }
            Self::HardSwish => {
                let slope = s.mul_add(x, splat(1.0 / 3.0), splat(0.5));
                let slope = s.select_f32s(s.greater_than_f32s(x, splat(3.0)), splat(1.0), slope);
                let slope = s.select_f32s(s.greater_than_f32s(x, splat(-3.0)), slope, zero);
                s.mul_f32s(grad, slope)
            }
            Self::Gelu => s.mul_f32s(grad, s.map_lanes(x, |x| self.derivative(x))),
            Self::Sigmoid => {
                let gate = logistic(s, x);
                let slope = s.mul_f32s(gate, s.sub_f32s(splat(1.0), gate));
                s.mul_f32s(grad, slope)
            }
            Self::HardSigmoid => {
                let slope =
                    s.select_f32s(s.greater_than_f32s(x, splat(-3.0)), splat(1.0 / 6.0), zero);
                let slope = s.select_f32s(s.greater_than_f32s(x, splat(3.0)), zero, slope);
                s.mul_f32s(grad, slope)
            }
        }
    }
}

#[inline(always)]
fn clamp_to_six<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let six = s.splat_f32s(6.0);
    let x = s.relu(x);
    s.select_f32s(s.greater_than_f32s(x, six), six, x)
}

#[inline(always)]
fn logistic<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let one = s.splat_f32s(1.0);
    s.div_f32s(one, s.add_f32s(one, exp(s, s.neg_f32s(x))))
}

/// `eˣ` to within 2 units in the last place, for −87 ≤ x ≤ 88 and clamped to the values there:
/// 2ⁿ · 2ʳ with integer n and |r| ≤ ½, 2ʳ by its Taylor polynomial.
#[inline(always)]
fn exp<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let splat = |v| s.splat_f32s(v);
    let clamped = s.select_f32s(s.greater_than_f32s(x, splat(88.0)), splat(88.0), x);
    let clamped = s.select_f32s(
        s.greater_than_f32s(splat(-87.0), clamped),
        splat(-87.0),
        clamped,
    );
    // Adding 1.5 · 2²³ rounds to an integer, which is then in the lowest bits.
    let magic = splat(12_582_912.0);
    let shifted = s.mul_add(clamped, splat(std::f32::consts::LOG2_E), magic);
    let n = s.sub_f32s(shifted, magic);
    // ln 2 in two parts, of which the first times n is exact.
    let r = s.mul_add(n, splat(-0.693_359_4), clamped);
    let r = s.mul_add(n, splat(2.121_944_4e-4), r);
    let mut sum = splat(1.0 / 5040.0);
    for factor in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = s.mul_add(sum, r, splat(factor));
    }
    let bits = s.transmute_u32s_f32s(shifted);
    let exponent = s.wrapping_dyn_shl_u32s(bits, s.splat_u32s(23));
    let power = s.add_u32s(exponent, s.splat_u32s(0x3f80_0000));
    s.mul_f32s(sum, s.transmute_f32s_u32s(power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{CHANNEL_BLOCK, Kernel, dispatch};
    use pulp::Scalar128b;

    const ALL: [Activation; 9] = [
        Activation::Identity,
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::Silu,
        Activation::HardSwish,
        Activation::Gelu,
        Activation::Sigmoid,
        Activation::HardSigmoid,
    ];

    /// Values and derivatives at 16 numbers.
    struct Both(Activation, [f32; CHANNEL_BLOCK]);

    impl Kernel for Both {
        type Output = Vec<[f32; 2]>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<[f32; 2]> {
            let Self(activation, xs) = self;
            let all = xs.chunks_exact(S::F32_LANES).flat_map(|xs| {
                let x = s.partial_load_f32s(xs);
                let value = s.to_lanes(activation.apply_vector(s, x));
                let slope = s.to_lanes(activation.backward_vector(s, x, s.splat_f32s(1.0)));
                (0..S::F32_LANES).map(move |i| [value[i], slope[i]])
            });
            all.collect()
        }
    }

    #[test]
    fn vectors_agree_with_scalars() {
        for activation in ALL {
            for block in -20..20 {
                let xs = std::array::from_fn(|i| block as f32 * 1.6 + i as f32 * 0.1);
                for got in [
                    dispatch(Both(activation, xs)),
                    Both(activation, xs).run(Scalar128b),
                ] {
                    for (&x, [value, slope]) in xs.iter().zip(got) {
                        let expected = [activation.apply(x), activation.derivative(x)];
                        let close = |a: f32, b: f32| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
                        assert!(close(value, expected[0]), "{activation:?}({x}) = {value}");
                        assert!(close(slope, expected[1]), "{activation:?}'({x}) = {slope}");
                    }
                }
            }
        }
    }

    #[test]
    fn nan_stays_nan_in_vectors() {
        for activation in ALL {
            let got = dispatch(Both(activation, [f32::NAN; CHANNEL_BLOCK]));
            assert!(
                got.iter().all(|[value, _]| value.is_nan()),
                "{activation:?}"
            );
        }
    }
}
