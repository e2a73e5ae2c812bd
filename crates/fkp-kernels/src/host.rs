//! Access to a tensor's `f32` values in host memory.

use std::borrow::Cow;

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor, bail};

/// Whether the kernels of this crate apply: every tensor is `f32` and on the CPU.
pub(crate) fn is_host_f32(tensors: &[&Tensor]) -> bool {
    tensors
        .iter()
        .all(|t| t.device().is_cpu() && t.dtype() == DType::F32)
}

/// The values in row-major order: borrowed where the layout is contiguous, copied otherwise.
pub(crate) fn values<'a>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<Cow<'a, [f32]>> {
    let CpuStorage::F32(data) = storage else {
        bail!(
            "{op}: expected f32 values, got {:?}",
            storage_dtype(storage)
        );
    };
    Ok(match layout.contiguous_offsets() {
        Some((start, end)) => Cow::Borrowed(&data[start..end]),
        None => Cow::Owned(copy_strided(data, layout)),
    })
}

/// Calls `f` with the row-major values of CPU tensors.
pub(crate) fn with_values<const N: usize, R>(
    op: &'static str,
    tensors: [&Tensor; N],
    f: impl FnOnce([&[f32]; N]) -> Result<R>,
) -> Result<R> {
    with_all_values(op, &tensors, |all| f(std::array::from_fn(|i| &*all[i])))
}

/// As [`with_values`], for a number of tensors that is not known at compile time.
pub(crate) fn with_all_values<R>(
    op: &'static str,
    tensors: &[&Tensor],
    f: impl FnOnce(&[Cow<'_, [f32]>]) -> Result<R>,
) -> Result<R> {
    let guards: Vec<_> = tensors.iter().map(|t| t.storage_and_layout()).collect();
    let all = guards.iter().map(|(storage, layout)| match &**storage {
        Storage::Cpu(cpu) => values(op, cpu, layout),
        _ => bail!("{op}: expected a tensor on the CPU"),
    });
    f(&all.collect::<Result<Vec<_>>>()?)
}

/// Copies the values of a strided layout in row-major order.
fn copy_strided(data: &[f32], layout: &Layout) -> Vec<f32> {
    let (dims, strides) = (layout.dims(), layout.stride());
    let mut out = Vec::with_capacity(layout.shape().elem_count());
    let Some(((&width, outer), (&last_stride, outer_strides))) =
        dims.split_last().zip(strides.split_last())
    else {
        return vec![data[layout.start_offset()]];
    };
    if layout.shape().elem_count() == 0 {
        return out;
    }
    let mut index = vec![0usize; outer.len()];
    loop {
        let offset: usize = index.iter().zip(outer_strides).map(|(i, s)| i * s).sum();
        let first = layout.start_offset() + offset;
        out.extend((0..width).map(|i| data[first + i * last_stride]));
        // The next index in row-major order; done where no dimension can grow.
        let Some(dim) = (0..outer.len()).rev().find(|&d| index[d] + 1 < outer[d]) else {
            return out;
        };
        index[dim] += 1;
        index[dim + 1..].fill(0);
    }
}

fn storage_dtype(storage: &CpuStorage) -> DType {
    use candle_core::backend::BackendStorage;
    storage.dtype()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn strided_layouts_are_copied_in_row_major_order() {
        let x = Tensor::arange(0f32, 24., &Device::Cpu)
            .unwrap()
            .reshape((2, 3, 4))
            .unwrap();
        for view in [
            x.permute((2, 0, 1)).unwrap(),
            x.narrow(2, 1, 2).unwrap().transpose(0, 1).unwrap(),
            x.narrow(1, 2, 1)
                .unwrap()
                .broadcast_as((5, 2, 1, 4))
                .unwrap(),
            x.get(1).unwrap().get(1).unwrap().get(2).unwrap(),
            x.narrow(0, 0, 0).unwrap().t().unwrap(),
        ] {
            let expected = view.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let got = with_values("test", [&view], |[v]| Ok(v.to_vec())).unwrap();
            assert_eq!(got, expected);
        }
    }
}
