//! The operations on one image.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::image::ImageOp;
use super::layouts::Planes;
use crate::Activation;
use crate::conv::{Bottleneck, InferenceConv};
use crate::frame_pool::FramePool;
use crate::layout::{Frame, Grid, padded};
use crate::matmul::{Addition, Operand};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Planes to pixels.
#[derive(Debug)]
pub(super) struct Pack(pub(super) Frame);

/// Planes to planes with a border of zeros.
#[derive(Debug)]
pub(super) struct Pad(pub(super) Planes);

/// Pixels to planes: `[channels, h, w]`.
#[derive(Debug)]
pub(super) struct Unpack(pub(super) Frame);

/// The pixels without what is around them, `[h, w, padded channels]`.
#[derive(Debug)]
pub(super) struct Tighten(pub(super) Frame);

/// A convolution, whose second input is the residual.
#[derive(Debug)]
pub(super) struct ConvOp {
    pub(super) conv: InferenceConv,
    pub(super) residual: ResidualGrid,
}

/// Three convolutions, whose second input is the residual.
#[derive(Debug)]
pub(super) struct BottleneckOp {
    pub(super) convs: Bottleneck,
    pub(super) residual: ResidualGrid,
}

/// Where the residual's pixels are.
#[derive(Debug)]
pub(super) enum ResidualGrid {
    None,
    BeforeActivation(Grid),
    AfterActivation(Grid),
}

#[derive(Debug)]
pub(super) struct Pool(pub(super) FramePool);

/// The mean of each channel.
#[derive(Debug)]
pub(super) struct GlobalMean {
    /// With a window of the whole image, and a result of one pixel.
    pub(super) pool: FramePool,
}

/// `activation(a + b)`, or of `a` alone.
#[derive(Debug)]
pub(super) struct Elementwise {
    pub(super) a: Frame,
    pub(super) b: Option<Frame>,
    pub(super) output: Frame,
    pub(super) activation: Activation,
}

impl ImageOp for Pack {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        self.0.pack(x, output);
    }
}

impl ImageOp for Pad {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let Planes {
            h,
            w,
            frame_w,
            margin,
            ..
        } = self.0;
        output.fill(0.0);
        let planes = output.chunks_exact_mut(self.0.area());
        for (to, from) in planes.zip(x.chunks_exact(h * w)) {
            let lines = to[margin * frame_w..].chunks_mut(frame_w);
            for (to, from) in lines.zip(from.chunks_exact(w)) {
                to[margin..][..w].copy_from_slice(from);
            }
        }
    }
}

impl ImageOp for Unpack {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        self.0.unpack(x, output);
    }
}

impl ImageOp for Tighten {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        let row_len = self.0.w * padded(self.0.channels);
        for (y, row) in output.chunks_exact_mut(row_len).enumerate() {
            row.copy_from_slice(self.0.row(y, x));
        }
    }
}

impl ImageOp for ConvOp {
    fn run(&self, [x, values]: [&[f32]; 2], output: &mut [f32]) {
        self.conv.run(x, self.residual.addition(values), output);
    }
}

impl ImageOp for BottleneckOp {
    fn run(&self, [x, values]: [&[f32]; 2], output: &mut [f32]) {
        self.convs.run(x, self.residual.addition(values), output);
    }
}

impl ResidualGrid {
    fn addition<'a>(&self, values: &'a [f32]) -> Addition<'a> {
        match *self {
            Self::None => Addition::None,
            Self::BeforeActivation(grid) => Addition::BeforeActivation(Operand { values, grid }),
            Self::AfterActivation(grid) => Addition::AfterActivation(Operand { values, grid }),
        }
    }
}

impl ImageOp for Pool {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        dispatch(RunPool {
            pool: &self.0,
            x,
            output,
        });
    }
}

impl ImageOp for GlobalMean {
    fn run(&self, [x, _]: [&[f32]; 2], output: &mut [f32]) {
        with_scratch(self.pool.depth, |means| {
            dispatch(RunPool {
                pool: &self.pool,
                x,
                output: means,
            });
            output.copy_from_slice(&means[..output.len()]);
        });
    }
}

struct RunPool<'a> {
    pool: &'a FramePool,
    x: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for RunPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.pool.run(s, self.x, self.output);
    }
}

impl ImageOp for Elementwise {
    fn run(&self, [a, b]: [&[f32]; 2], output: &mut [f32]) {
        for y in 0..self.output.h {
            dispatch(ElementwiseRow {
                a: self.a.row(y, a),
                b: self.b.map(|frame| frame.row(y, b)),
                output: self.output.row_mut(y, output),
                activation: self.activation,
            });
        }
    }
}

struct ElementwiseRow<'a> {
    a: &'a [f32],
    b: Option<&'a [f32]>,
    output: &'a mut [f32],
    activation: Activation,
}

impl Kernel for ElementwiseRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            a,
            b,
            output,
            activation,
        } = self;
        assert!(output.len().is_multiple_of(S::F32_LANES) && a.len() == output.len());
        assert!(b.is_none_or(|b| b.len() == a.len()));
        for i in (0..output.len()).step_by(S::F32_LANES) {
            // SAFETY: asserted above for all three.
            unsafe {
                let mut v = s.load(a.as_ptr().add(i));
                if let Some(b) = b {
                    v = s.add_f32s(v, s.load(b.as_ptr().add(i)));
                }
                let v = activation.apply_vector(s, v);
                s.store(output.as_mut_ptr().add(i), v);
            }
        }
    }
}
