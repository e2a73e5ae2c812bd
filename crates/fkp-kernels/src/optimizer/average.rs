//! Averages of weights over training steps, updated in one pass.

use candle_core::{Result, Tensor, Var, bail};

use super::fused::Update;
use super::in_place::update_in_place;
use crate::gradients::Gradient;
use crate::host::is_host_f32;
use crate::simd::Simd;

const NAME: &str = "average_into";

/// `average ← average + rate · (value − average)`, in place.
///
/// With a fixed rate this is the exponential moving average with decay `1 − rate`; with rate
/// `1/n` at the `n`-th value it is the mean of all values. Rate 0 keeps the average and rate 1
/// sets it to the value, both exactly.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// let average = Var::new(&[0f32, 8.0], &Device::Cpu)?;
/// let value = Tensor::new(&[4f32, 0.0], &Device::Cpu)?;
/// fkp_kernels::average_into(&average, &value, 0.25)?;
/// assert_eq!(average.to_vec1::<f32>()?, [1.0, 6.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If `rate` is not in `[0, 1]`, the two differ in shape or element type, or one is a view of
/// the other.
pub fn average_into(average: &Var, value: &Tensor, rate: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&rate) {
        bail!("{NAME}: rate = {rate} is not in [0, 1]");
    }
    if average.shape() != value.shape() || average.dtype() != value.dtype() {
        bail!(
            "{NAME}: the average is {:?} of {:?}, the value {:?} of {:?}",
            average.dims(),
            average.dtype(),
            value.dims(),
            value.dtype()
        );
    }
    if is_host_f32(&[average, value]) {
        let value = Gradient::Dense(value.clone());
        update_in_place(NAME, average, &value, [], Average { rate })?;
        return Ok(());
    }
    let (old, value) = (average.as_detached_tensor(), value.detach());
    let difference = (&value - &old)?;
    average.set(&match rate < 0.5 {
        true => (old + difference.affine(rate, 0.0)?)?,
        false => (value - difference.affine(1.0 - rate, 0.0)?)?,
    })
}

/// The update of an average, in the place of a parameter, by the value in that of a gradient.
#[derive(Clone, Copy)]
struct Average {
    rate: f64,
}

impl Update<0> for Average {
    const CHECKED: bool = false;

    #[inline(always)]
    fn apply<S: Simd>(
        self,
        s: S,
        average: S::f32s,
        value: S::f32s,
        state: [S::f32s; 0],
    ) -> (S::f32s, [S::f32s; 0]) {
        let difference = s.sub_f32s(value, average);
        // From the nearer of the two, so that rates 0 and 1 are exact.
        let new = match self.rate < 0.5 {
            true => s.add_scaled(average, self.rate as f32, difference),
            false => s.add_scaled(value, (self.rate - 1.0) as f32, difference),
        };
        (new, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::fused::BLOCK;
    use candle_core::{DType, Device};

    fn values(n: usize, seed: u32) -> Vec<f32> {
        let hash = |i: usize| (i as u32 ^ seed).wrapping_mul(0x9e37_79b9) >> 8;
        (0..n)
            .map(|i| hash(i) as f32 / (1 << 23) as f32 - 1.0)
            .collect()
    }

    #[test]
    fn matches_the_definition_for_every_length_and_rate() {
        for n in [1, 15, 16, 37, BLOCK + 35] {
            for rate in [0.0, 1e-3, 0.5, 0.9, 1.0] {
                let (a, v) = (values(n, 1), values(n, 2));
                let average = Var::from_slice(&a, n, &Device::Cpu).unwrap();
                let value = Tensor::from_slice(&v, n, &Device::Cpu).unwrap();
                let wide = Var::from_tensor(&average.to_dtype(DType::F64).unwrap()).unwrap();
                average_into(&average, &value, rate).unwrap();
                average_into(&wide, &value.to_dtype(DType::F64).unwrap(), rate).unwrap();
                let (got, wide) = (
                    average.to_vec1::<f32>().unwrap(),
                    wide.to_vec1::<f64>().unwrap(),
                );
                for i in 0..n {
                    let (a, v) = (f64::from(a[i]), f64::from(v[i]));
                    let expected = a + rate * (v - a);
                    assert!(
                        (f64::from(got[i]) - expected).abs() < 2e-7,
                        "{n} {rate} {i}"
                    );
                    assert!((wide[i] - expected).abs() < 1e-14, "{n} {rate} {i}");
                }
                if rate == 0.0 {
                    assert_eq!(got, a);
                } else if rate == 1.0 {
                    assert_eq!(got, v);
                }
            }
        }
    }

    #[test]
    fn invalid_rates_and_operands_are_errors() {
        let average = Var::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let message = |value: &Tensor, rate| {
            let error = average_into(&average, value, rate).unwrap_err();
            error.to_string()
        };
        let value = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        assert!(message(&value, 1.5).contains("rate = 1.5"));
        assert!(message(&value, f64::NAN).contains("rate = NaN"));
        assert!(message(&value.to_dtype(DType::F64).unwrap(), 0.5).contains("F64"));
        assert!(message(&value.reshape((1, 2)).unwrap(), 0.5).contains("[1, 2]"));
        message(&average.as_detached_tensor(), 0.5);
    }
}
