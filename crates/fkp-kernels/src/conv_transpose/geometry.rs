//! The shapes of a transposed convolution, validated once.

use candle_core::{Result, bail};

use super::config::ConvTranspose2dConfig;

/// Shapes of `x`, `[n, c_in, h, w]`, of the kernels, `[c_in, c_out, kh, kw]`, and of the result,
/// `[n, c_out, out_h, out_w]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransposedGeometry {
    pub(super) n: usize,
    pub(super) c_in: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(crate) c_out: usize,
    pub(super) kh: usize,
    pub(super) kw: usize,
    pub(crate) out_h: usize,
    pub(crate) out_w: usize,
    pub(super) config: ConvTranspose2dConfig,
}

impl TransposedGeometry {
    pub(crate) fn new(
        op: &str,
        x: &[usize],
        weight: &[usize],
        bias: Option<&[usize]>,
        config: ConvTranspose2dConfig,
    ) -> Result<Self> {
        let &[n, c_in, h, w] = x else {
            bail!("{op}: x must be [n, c_in, h, w], got {x:?}");
        };
        let &[weight_c_in, c_out, kh, kw] = weight else {
            bail!("{op}: w must be [c_in, c_out, kh, kw], got {weight:?}");
        };
        if weight_c_in != c_in {
            bail!("{op}: x {x:?} has {c_in} channels, w {weight:?} expects {weight_c_in}");
        }
        if x.contains(&0) || weight.contains(&0) {
            bail!("{op}: x {x:?} and w {weight:?} must not have a dimension of size 0");
        }
        if let Some(bias) = bias
            && bias != [c_out]
        {
            bail!("{op}: bias must be [{c_out}], got {bias:?}");
        }
        let ConvTranspose2dConfig {
            stride,
            padding,
            output_padding,
        } = config;
        if stride == 0 {
            bail!("{op}: stride must be at least 1");
        }
        if output_padding >= stride {
            bail!("{op}: output_padding {output_padding} must be less than stride {stride}");
        }
        let size = |len: usize, kernel: usize| {
            ((len - 1) * stride + kernel + output_padding).saturating_sub(2 * padding)
        };
        let (out_h, out_w) = (size(h, kh), size(w, kw));
        if out_h == 0 || out_w == 0 {
            bail!("{op}: padding {padding} leaves nothing of the result for x {x:?}, w {weight:?}");
        }
        Ok(Self {
            n,
            c_in,
            h,
            w,
            c_out,
            kh,
            kw,
            out_h,
            out_w,
            config,
        })
    }

    /// Pixels of one channel of `x`.
    pub(super) fn positions(&self) -> usize {
        self.h * self.w
    }

    /// Values of one image of the result.
    pub(super) fn out_len(&self) -> usize {
        self.c_out * self.out_h * self.out_w
    }
}
