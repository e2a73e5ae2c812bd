//! Dropout with a mask that is a function of a seed and the element's index.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::activation::BLOCK;
use crate::host::{is_host_f32, values, with_values};

/// The last part of the name of the variable that holds the seed of a dropout layer's mask: an
/// `i64` of shape `[]`, which the training loop sets before each forward pass.
pub const DROPOUT_SEED: &str = "dropout_seed";

/// Sets each element to zero with probability `p` and scales the others by `1 / (1 - p)`.
///
/// The mask is a pure function of `seed` and the element's row-major index (a counter-based
/// generator), so it is the same on every device and for every number of threads, and the backward
/// pass computes it again instead of saving it. Use another seed for each layer and training
/// step. Do not call this function in evaluation.
///
/// # Errors
/// If `p` is not in `[0, 1)`.
pub fn dropout(x: &Tensor, p: f64, seed: u64) -> Result<Tensor> {
    if !(0.0..1.0).contains(&p) {
        bail!("dropout: p = {p} is not in [0, 1)");
    }
    if p == 0.0 {
        return Ok(x.clone());
    }
    let op = Dropout::new(p, seed);
    if is_host_f32(&[x]) {
        return x.apply_op1(op);
    }
    let mut mask = vec![1.0f32; x.elem_count()];
    op.scale(&mut mask);
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?.to_dtype(x.dtype())?;
    x.mul(&mask)
}

struct Dropout {
    seed: u64,
    /// An element is dropped where its 32 random bits are below this.
    threshold: u32,
    scale: f32,
}

impl Dropout {
    fn new(p: f64, seed: u64) -> Self {
        Self {
            seed,
            threshold: (p * 4_294_967_296.0) as u32,
            scale: (1.0 / (1.0 - p)) as f32,
        }
    }

    fn scale(&self, values: &mut [f32]) {
        values
            .par_chunks_mut(BLOCK)
            .enumerate()
            .for_each(|(block, chunk)| {
                let first = (block * BLOCK) as u64;
                for (i, v) in chunk.iter_mut().enumerate() {
                    let keep = random_bits(self.seed, first + i as u64) >= self.threshold;
                    *v = if keep { *v * self.scale } else { 0.0 };
                }
            });
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = values("dropout", storage, layout)?.into_owned();
        self.scale(&mut y);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = with_values("dropout", [grad], |[g]| Ok(g.to_vec()))?;
        self.scale(&mut dx);
        Tensor::from_vec(dx, grad.shape(), grad.device()).map(Some)
    }
}

/// Output `index` of the SplitMix64 sequence that starts at a hash of `seed` (Steele, Lea and
/// Flood, OOPSLA 2014), upper half.
fn random_bits(seed: u64, index: u64) -> u32 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let start = mix(seed ^ 0x6a09_e667_f3bc_c909);
    (mix(start.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN))) >> 32) as u32
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn keeps_the_mean_and_uses_the_same_mask_for_the_gradient() {
        let x = Var::from_vec(vec![1f32; 40_000], 40_000, &Device::Cpu).unwrap();
        let y = dropout(&x, 0.25, 7).unwrap();
        let mean = y.mean_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        let grads = y.sum_all().unwrap().backward().unwrap();
        let dx = grads.get(&x).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(dx, y.to_vec1::<f32>().unwrap());
        let other = dropout(&x, 0.25, 8).unwrap().to_vec1::<f32>().unwrap();
        assert_ne!(dx, other);
    }

    #[test]
    fn a_probability_out_of_range_is_an_error() {
        let x = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
        for p in [-0.1, 1.0, f64::NAN] {
            let message = dropout(&x, p, 0).unwrap_err().to_string();
            assert!(message.contains("is not in [0, 1)"), "{message}");
        }
    }
}
