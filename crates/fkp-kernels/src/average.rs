//! Averages of weights over training steps, updated in one pass.
#![expect(unsafe_code, reason = "vector loads and stores")]

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use crate::host::{is_host_f32, values};
use crate::simd::{CHANNEL_BLOCK, Kernel, Simd, dispatch};

const NAME: &str = "average_into";

/// Elements per parallel task.
const BLOCK: usize = if cfg!(miri) { 1 << 6 } else { 1 << 14 };

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
        return average.inplace_op2(value, &Average { rate });
    }
    let (old, value) = (average.as_detached_tensor(), value.detach());
    let difference = (&value - &old)?;
    average.set(&match rate < 0.5 {
        true => (old + difference.affine(rate, 0.0)?)?,
        false => (value - difference.affine(1.0 - rate, 0.0)?)?,
    })
}

struct Average {
    rate: f64,
}

impl InplaceOp2 for Average {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        average: &mut CpuStorage,
        average_layout: &Layout,
        value: &CpuStorage,
        value_layout: &Layout,
    ) -> Result<()> {
        let value = values(NAME, value, value_layout)?;
        let (CpuStorage::F32(average), Some((start, end))) =
            (average, average_layout.contiguous_offsets())
        else {
            bail!("{NAME}: the average must be contiguous f32");
        };
        let rate = self.rate;
        average[start..end]
            .par_chunks_mut(BLOCK)
            .zip(value.par_chunks(BLOCK))
            .for_each(|(average, value)| average_block(average, value, rate));
        Ok(())
    }
}

fn average_block(average: &mut [f32], value: &[f32], rate: f64) {
    let vectors = average.len() / CHANNEL_BLOCK * CHANNEL_BLOCK;
    let (average, average_tail) = average.split_at_mut(vectors);
    let (value, value_tail) = value.split_at(vectors);
    dispatch(Block {
        average,
        value,
        rate,
    });
    if !average_tail.is_empty() {
        // The remainder uses the same instructions, so that a value does not depend on its
        // position.
        let mut average = [0.0f32; CHANNEL_BLOCK];
        let mut value = [0.0f32; CHANNEL_BLOCK];
        average[..average_tail.len()].copy_from_slice(average_tail);
        value[..value_tail.len()].copy_from_slice(value_tail);
        dispatch(Block {
            average: &mut average,
            value: &value,
            rate,
        });
        average_tail.copy_from_slice(&average[..average_tail.len()]);
    }
}

/// The update of whole vectors.
struct Block<'a> {
    average: &'a mut [f32],
    value: &'a [f32],
    rate: f64,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let n = self.average.len();
        assert!(self.value.len() == n && n.is_multiple_of(S::F32_LANES));
        let near = self.rate < 0.5;
        // From the nearer of the two, so that rates 0 and 1 are exact.
        let weight = match near {
            true => s.splat_f32s(self.rate as f32),
            false => s.splat_f32s((self.rate - 1.0) as f32),
        };
        for i in (0..n).step_by(S::F32_LANES) {
            // SAFETY: i + LANES <= n, the length of both.
            unsafe {
                let old = s.load(self.average.as_ptr().add(i));
                let value = s.load(self.value.as_ptr().add(i));
                let start = if near { old } else { value };
                let new = s.mul_add(weight, s.sub_f32s(value, old), start);
                s.store(self.average.as_mut_ptr().add(i), new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
