//! The shapes of one convolution, validated once, and the operations fused into it.

use std::ops::Range;

use candle_core::{Result, bail};

use super::config::{Conv2dConfig, Pooling};
use crate::Activation;

/// Shapes of a convolution of `n` images; every algorithm relies on their being valid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Geometry {
    pub(crate) n: usize,
    pub(crate) c_in: usize,
    pub(crate) h: usize,
    pub(crate) w: usize,
    pub(crate) c_out: usize,
    pub(crate) kh: usize,
    pub(crate) kw: usize,
    pub(crate) padding: usize,
    pub(crate) stride: usize,
    /// Size of the convolution's output, before pooling.
    pub(crate) ho: usize,
    pub(crate) wo: usize,
    pub(crate) activation: Activation,
    pub(crate) pooling: Pooling,
}

impl Geometry {
    pub(crate) fn new(x: &[usize], w: &[usize], config: Conv2dConfig) -> Result<Self> {
        let &[n, c_in, h, width] = x else {
            bail!("conv2d: x must be [n, c_in, h, w], got {x:?}");
        };
        let &[c_out, kernel_c_in, kh, kw] = w else {
            bail!("conv2d: w must be [c_out, c_in, kh, kw], got {w:?}");
        };
        if kernel_c_in != c_in {
            bail!("conv2d: x {x:?} has {c_in} channels, w {w:?} expects {kernel_c_in}");
        }
        if n == 0 {
            bail!("conv2d: the batch is empty, x is {x:?}");
        }
        if c_in == 0 || h == 0 || width == 0 || c_out == 0 || kh == 0 || kw == 0 {
            bail!("conv2d: x {x:?} and w {w:?} must not have a dimension of size 0");
        }
        let Conv2dConfig {
            padding,
            stride,
            activation,
            pooling,
        } = config;
        if stride == 0 {
            bail!("conv2d: stride must be at least 1");
        }
        if h + 2 * padding < kh || width + 2 * padding < kw {
            bail!("conv2d: kernel {kh}×{kw} exceeds x {x:?} with padding {padding}");
        }
        let ho = (h + 2 * padding - kh) / stride + 1;
        let wo = (width + 2 * padding - kw) / stride + 1;
        if pooling == Pooling::Max2 && (ho < 2 || wo < 2) {
            bail!("conv2d: the {ho}×{wo} result is too small for 2×2 pooling");
        }
        Ok(Self {
            n,
            c_in,
            h,
            w: width,
            c_out,
            kh,
            kw,
            padding,
            stride,
            ho,
            wo,
            activation,
            pooling,
        })
    }

    /// As [`Self::new`] of a depthwise convolution, `w` being `[c, 1, kh, kw]`.
    pub(crate) fn depthwise(x: &[usize], w: &[usize], config: Conv2dConfig) -> Result<Self> {
        match (x, w) {
            (&[_, channels, ..], &[c, 1, kh, kw]) if channels == c => {
                Self::new(x, &[c, c, kh, kw], config)
            }
            _ => bail!("depthwise_conv2d: w must be [c, 1, kh, kw] for x {x:?}, got {w:?}"),
        }
    }

    /// Values of one input image.
    pub(crate) fn x_len(&self) -> usize {
        self.c_in * self.h * self.w
    }

    /// Values of the convolution's output in one channel, before pooling.
    pub(crate) fn positions(&self) -> usize {
        self.ho * self.wo
    }

    /// Products per output value.
    pub(crate) fn taps(&self) -> usize {
        self.c_in * self.kh * self.kw
    }

    /// Values of one output image.
    pub(crate) fn out_len(&self) -> usize {
        let (h, w) = self.out_size();
        self.c_out * h * w
    }

    /// Height and width of the output, after pooling.
    pub(crate) fn out_size(&self) -> (usize, usize) {
        match self.pooling {
            Pooling::None => (self.ho, self.wo),
            Pooling::Max2 => (self.ho / 2, self.wo / 2),
        }
    }

    /// Whether the im2col matrix of an image is the image itself.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kh == 1 && self.kw == 1 && self.stride == 1 && self.padding == 0
    }

    /// Output columns for which column `kx` of the kernel reads inside the image.
    pub(crate) fn valid_columns(&self, kx: usize) -> Range<usize> {
        let lo = self.padding.saturating_sub(kx).div_ceil(self.stride);
        let hi = (self.w + self.padding)
            .saturating_sub(kx)
            .div_ceil(self.stride)
            .min(self.wo);
        lo.min(hi)..hi
    }
}
