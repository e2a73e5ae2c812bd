//! Copies of variables, made by all threads.

use candle_core::{Device, Result, Var};
use rayon::prelude::*;

use crate::host::{is_host_f32, with_values};

/// A variable with the same values in memory of its own, for a checkpoint or an average.
///
/// On the CPU the threads copy parts of it at the same time. New memory costs more than copying,
/// since the system provides it page by page.
///
/// ```
/// use candle_core::{Device, Var};
/// let weight = Var::new(&[1f32, 2.0], &Device::Cpu)?;
/// let copy = fkp_kernels::duplicate(&weight)?;
/// weight.set(&weight.affine(3.0, 0.0)?)?;
/// assert_eq!(copy.to_vec1::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Only those of candle itself.
pub fn duplicate(var: &Var) -> Result<Var> {
    if !is_host_f32(&[var]) {
        return Var::from_tensor(&var.as_detached_tensor());
    }
    let values = with_values("duplicate", [var], |[values]| Ok(copied(values)))?;
    Var::from_vec(values, var.shape(), &Device::Cpu)
}

/// The values, copied by all threads.
pub(crate) fn copied(values: &[f32]) -> Vec<f32> {
    const MIN_LEN: usize = 1 << 16;
    let values = values.par_iter().with_min_len(MIN_LEN);
    values.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Tensor};

    #[test]
    fn every_value_is_copied_and_the_memory_is_not_shared() {
        for shape in [&[][..], &[0], &[3, 5], &[700, 401]] {
            let count = shape.iter().product::<usize>();
            let values = Tensor::arange(0.0, count as f32, &Device::Cpu);
            let values = values.unwrap().reshape(shape).unwrap();
            for dtype in [DType::F32, DType::F64] {
                let values = values.to_dtype(dtype).unwrap();
                let var = Var::from_tensor(&values).unwrap();
                let copy = duplicate(&var).unwrap();
                var.set(&values.affine(1.0, 1.0).unwrap()).unwrap();
                assert_eq!((copy.shape(), copy.dtype()), (values.shape(), dtype));
                let read = |t: &Tensor| {
                    let wide = t.to_dtype(DType::F64).unwrap().flatten_all();
                    wide.unwrap().to_vec1::<f64>().unwrap()
                };
                assert_eq!(read(&copy), read(&values));
            }
        }
    }
}
