//! Operations without variables, between the layers of a network.
//!
//! They are those of `fkp-kernels` and candle, and also recorded when a network is traced, which
//! candle's own are not.

use crate::graph::{Op, record, record_sequence};
use candle_core::{Result, Tensor};
use fkp_kernels::Activation;

/// The sum of two tensors of one shape, as a residual connection adds them.
///
/// # Errors
/// If the shapes differ.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let y = (a + b)?;
    record("add", &y, |recorder| {
        let inputs = [recorder.value("add", a)?, recorder.value("add", b)?];
        recorder.push(Op::Add, &inputs)
    })?;
    Ok(y)
}

/// `[n, channels, h, w]` to `[n, channels · h · w]`, as PyTorch's `flatten(x, 1)`.
///
/// # Errors
/// If a tensor operation fails.
pub fn flatten(x: &Tensor) -> Result<Tensor> {
    let y = x.flatten_from(1)?;
    record_sequence("flatten", x, &y, || Ok(vec![Op::Flatten]))?;
    Ok(y)
}

/// An activation by itself. Where a layer has one, it is computed together with the layer.
///
/// # Errors
/// If a tensor operation fails.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let y = fkp_kernels::activate(x, activation)?;
    record_sequence("activate", x, &y, || Ok(vec![Op::Activation(activation)]))?;
    Ok(y)
}

/// `max(x, 0)`, as [`activate`].
///
/// # Errors
/// If a tensor operation fails.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Relu)
}

/// `x · σ(x)` with the logistic function σ, as [`activate`].
///
/// # Errors
/// If a tensor operation fails.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Silu)
}

/// `x · Φ(x)` with the normal distribution function Φ, as [`activate`].
///
/// # Errors
/// If a tensor operation fails.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    activate(x, Activation::Gelu)
}

/// Maximum over `kernel × kernel` windows of `[n, channels, h, w]` without padding. An incomplete
/// last row or column of windows is dropped.
///
/// # Errors
/// If the tensor has another rank, or a window does not fit.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let y = fkp_kernels::max_pool2d(x, kernel, stride)?;
    record_sequence("max_pool2d", x, &y, || {
        Ok(vec![Op::MaxPool { kernel, stride }])
    })?;
    Ok(y)
}

/// Mean over the same windows as [`max_pool2d`].
///
/// # Errors
/// As [`max_pool2d`].
pub fn avg_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let y = fkp_kernels::avg_pool2d(x, kernel, stride)?;
    record_sequence("avg_pool2d", x, &y, || {
        Ok(vec![Op::AvgPool { kernel, stride }])
    })?;
    Ok(y)
}

/// Mean over each channel: `[n, channels, h, w]` to `[n, channels]`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[[[1f32, 3.0], [5.0, 7.0]]]], &Device::Cpu)?;
/// let y = fkp_model::layers::global_avg_pool2d(&x)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[4.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If the tensor has another rank.
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    let y = fkp_kernels::global_avg_pool2d(x)?;
    record_sequence("global_avg_pool2d", x, &y, || Ok(vec![Op::GlobalAvgPool]))?;
    Ok(y)
}
