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

/// `[n, channels, h, w]` at `scale` times the height and width, each pixel repeated, as PyTorch's
/// `interpolate` with `mode="nearest"`.
///
/// # Errors
/// If the tensor has another rank, or `scale` is 0.
pub fn upsample_nearest2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let y = fkp_kernels::upsample_nearest2d(x, scale)?;
    record_sequence("upsample_nearest2d", x, &y, || {
        Ok(vec![Op::UpsampleNearest { scale }])
    })?;
    Ok(y)
}

/// The same by bilinear interpolation, as with `mode="bilinear"` and `align_corners=False`.
///
/// # Errors
/// As [`upsample_nearest2d`].
pub fn upsample_bilinear2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let y = fkp_kernels::upsample_bilinear2d(x, scale)?;
    record_sequence("upsample_bilinear2d", x, &y, || {
        Ok(vec![Op::UpsampleBilinear { scale }])
    })?;
    Ok(y)
}

/// Each channel of `[n, channels, h, w]` times its factor in `scale`, `[n, channels]`.
///
/// # Errors
/// If the shapes do not match.
pub fn scale_channels(x: &Tensor, scale: &Tensor) -> Result<Tensor> {
    const NAME: &str = "scale_channels";
    let y = fkp_kernels::scale_channels(x, scale)?;
    record(NAME, &y, |recorder| {
        let inputs = [recorder.value(NAME, x)?, recorder.value(NAME, scale)?];
        recorder.push(Op::ScaleChannels, &inputs)
    })?;
    Ok(y)
}

/// The mean position x, y of the distribution `softmax(beta · map)` of each of the maps
/// `[n, keypoints, h, w]`, as `[n, keypoints, 2]` in pixels of the map, pixel centers at integers.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let maps = Tensor::new(&[[[[0f32, 0.0, 100.0, 100.0]]]], &Device::Cpu)?;
/// let xy = fkp_model::layers::soft_argmax2d(&maps, 1.0)?;
/// assert_eq!(xy.to_vec3::<f32>()?, [[[2.5, 0.0]]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If the tensor has another rank, or `beta` is not positive and finite.
pub fn soft_argmax2d(maps: &Tensor, beta: f64) -> Result<Tensor> {
    let y = fkp_kernels::soft_argmax2d(maps, beta)?;
    record_sequence("soft_argmax2d", maps, &y, || {
        Ok(vec![Op::SoftArgmax { beta }])
    })?;
    Ok(y)
}
