//! The gradients of one image between the convolutions: through activation and normalization.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::affine::{Affine, Statistics, with_constant};
use super::pair_sums::{Pair, PairSums};
use super::tail::{GradientSink, PixelGradient, Pixels, Tail};
use crate::Activation;
use crate::layout::{Frame, padded};
use crate::scratch::with_scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Sums over the pixels of an image: `[2, depth]`, of the gradient of the normalized values after
/// scale and shift, and of its product with the normalized values before. Over the batch these
/// are the gradients of shift and scale.
pub(super) struct Sums<'a>(pub(super) &'a mut [f64]);

/// The gradient of the input of a normalization by the statistics of the batch (Ioffe and Szegedy
/// 2015), `gradient · scale + z · of_z + constant` for each channel.
#[derive(Debug)]
pub(super) struct InputGradient {
    scale: Vec<f32>,
    of_z: Vec<f32>,
    constant: Vec<f32>,
}

impl InputGradient {
    /// From the sums over all `count` values of each channel.
    pub(super) fn new(
        affine: &Affine,
        statistics: &Statistics,
        sums: &[f64],
        count: usize,
    ) -> Self {
        let depth = affine.scale.len();
        let (gradients, products) = sums.split_at(depth);
        let (mut of_z, mut constant) = (Vec::new(), Vec::new());
        for c in 0..depth {
            let (scale, mean) = (f64::from(affine.scale[c]), f64::from(statistics.mean[c]));
            let inv_std = f64::from(statistics.inv_std[c]);
            let factor = scale * products[c] / count as f64 * inv_std;
            of_z.push(-factor as f32);
            constant.push((factor * mean - scale * gradients[c] / count as f64) as f32);
        }
        Self {
            scale: affine.scale.clone(),
            of_z,
            constant,
        }
    }

    /// # Safety
    /// `c + LANES` is at most the padded number of channels.
    #[inline(always)]
    unsafe fn vectors<S: Simd>(&self, s: S, c: usize) -> [S::f32s; 3] {
        // SAFETY: the caller's contract.
        unsafe {
            [
                s.load(self.scale.as_ptr().add(c)),
                s.load(self.of_z.as_ptr().add(c)),
                s.load(self.constant.as_ptr().add(c)),
            ]
        }
    }
}

#[inline(always)]
fn input_gradient<S: Simd>(s: S, factors: [S::f32s; 3], z: S::f32s, gradient: S::f32s) -> S::f32s {
    let [scale, of_z, constant] = factors;
    s.mul_add(gradient, scale, s.mul_add(z, of_z, constant))
}

/// One image of the last convolution, and the gradient of the block's result.
#[derive(Clone, Copy)]
pub(super) struct Last<'a> {
    pub(super) tail: &'a Tail,
    pub(super) affine: &'a Affine,
    pub(super) statistics: &'a Statistics,
    pub(super) z: &'a [f32],
    pub(super) residual: &'a [f32],
    /// In the layout [`Tail::output`].
    pub(super) dy: &'a [f32],
}

impl Last<'_> {
    /// Computes the sums, and the gradient of the residual where `d_residual` is not empty.
    pub(super) fn sums(self, sums: Sums<'_>, d_residual: &mut [f32]) {
        d_residual.fill(0.0);
        with_scratch(sums.0.len(), |recent| {
            dispatch(LastSums {
                last: self,
                sums: PairSums::new(recent, sums.0),
                d_residual,
            });
        });
    }

    /// Computes the gradient of the convolution's output, in the layout `frame`.
    pub(super) fn output_gradient(self, gradient: &InputGradient, frame: &Frame, dz: &mut [f32]) {
        dispatch(LastGradient {
            last: self,
            gradient,
            frame,
            dz,
        });
    }

    /// With `activation`, that of the convolution, as a constant.
    #[inline(always)]
    fn pixels(&self, activation: Activation) -> Pixels<'_> {
        Pixels::new(self.tail, self.affine, self.z, self.residual).with(activation)
    }
}

struct LastSums<'a> {
    last: Last<'a>,
    sums: PairSums<'a>,
    d_residual: &'a mut [f32],
}

impl Kernel for LastSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            last,
            mut sums,
            d_residual,
        } = self;
        let z = last.tail.z;
        let depth = padded(z.channels);
        assert!(d_residual.is_empty() || d_residual.len() == last.tail.residual().len());
        let statistics = last.statistics;
        with_constant!(last.affine.activation, activation => {
            let pixels = last.pixels(activation);
            for y in 0..last.tail.output().h {
                for c in (0..depth).step_by(S::F32_LANES) {
                    // SAFETY: c + LANES <= depth, the length of both.
                    let (mean, inv_std) = unsafe { statistics.vectors(s, c) };
                    let mut sink = SumSink {
                        pair: sums.load(s, c),
                        mean,
                        inv_std,
                        d_residual: match d_residual.is_empty() {
                            true => std::ptr::null_mut(),
                            false => d_residual.as_mut_ptr().wrapping_add(c),
                        },
                        line: z.w * depth,
                        depth,
                    };
                    pixels.row_gradients(s, last.dy, (y, c), &mut sink);
                    sums.store(s, c, sink.pair);
                }
                sums.end_of_row(z.w);
            }
        });
        sums.finish();
    }
}

/// Adds the gradients, and stores those of the residual.
struct SumSink<S: Simd> {
    pair: Pair<S>,
    mean: S::f32s,
    inv_std: S::f32s,
    /// The first pixel of the image, at this vector of channels; null if not needed.
    d_residual: *mut f32,
    line: usize,
    depth: usize,
}

impl<S: Simd> GradientSink<S> for SumSink<S> {
    #[inline(always)]
    fn pixel(&mut self, s: S, gradient: PixelGradient<S>) {
        let normalized = s.mul_f32s(s.sub_f32s(gradient.z, self.mean), self.inv_std);
        self.pair.add(s, gradient.normalized, normalized);
        if !self.d_residual.is_null() {
            let offset = gradient.y * self.line + gradient.x * self.depth;
            // SAFETY: the pixels passed on are inside the image, whose buffer is not null.
            unsafe { s.store(self.d_residual.add(offset), gradient.residual) };
        }
    }
}

/// Stores the gradients of the convolution's output.
struct StoreSink<S: Simd> {
    factors: [S::f32s; 3],
    /// The first pixel of the image, at this vector of channels.
    to: *mut f32,
    line: usize,
    depth: usize,
}

impl<S: Simd> GradientSink<S> for StoreSink<S> {
    #[inline(always)]
    fn pixel(&mut self, s: S, gradient: PixelGradient<S>) {
        let value = input_gradient(s, self.factors, gradient.z, gradient.normalized);
        let offset = gradient.y * self.line + gradient.x * self.depth;
        // SAFETY: the pixels passed on are inside the image.
        unsafe { s.store(self.to.add(offset), value) };
    }
}

struct LastGradient<'a> {
    last: Last<'a>,
    gradient: &'a InputGradient,
    frame: &'a Frame,
    dz: &'a mut [f32],
}

impl Kernel for LastGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            last,
            gradient,
            frame,
            dz,
        } = self;
        let depth = padded(frame.channels);
        assert!(dz.len() == frame.len() && gradient.scale.len() == depth);
        assert!(
            (frame.h, frame.w, frame.channels)
                == (last.tail.z.h, last.tail.z.w, last.tail.z.channels)
        );
        frame.clear_margin(dz);
        let origin = (frame.margin * frame.frame_w + frame.margin) * depth;
        let rows = last.tail.output().h;
        with_constant!(last.affine.activation, activation => {
            let pixels = last.pixels(activation);
            for y in 0..=rows {
                for c in (0..depth).step_by(S::F32_LANES) {
                    let mut sink = StoreSink {
                        // SAFETY: c + LANES <= depth, the length of all three.
                        factors: unsafe { gradient.vectors(s, c) },
                        to: dz.as_mut_ptr().wrapping_add(origin + c),
                        line: frame.frame_w * depth,
                        depth,
                    };
                    if y < rows {
                        pixels.row_gradients(s, last.dy, (y, c), &mut sink);
                    } else {
                        pixels.rest(s, c, &mut sink);
                    }
                }
            }
        });
    }
}

/// One image of a convolution that another follows.
#[derive(Clone, Copy)]
pub(super) struct Inner<'a> {
    pub(super) affine: &'a Affine,
    pub(super) statistics: &'a Statistics,
    /// The layout of `z` and of the gradient that is kept.
    pub(super) frame: &'a Frame,
    pub(super) z: &'a [f32],
}

impl Inner<'_> {
    /// Computes the gradient before the activation, `kept`, from that after it, `dx` in the layout
    /// `dx_frame`, and the sums.
    pub(super) fn sums(self, dx_frame: &Frame, dx: &[f32], kept: &mut [f32], sums: Sums<'_>) {
        with_scratch(sums.0.len(), |recent| {
            dispatch(InnerSums {
                inner: self,
                dx_frame,
                dx,
                kept,
                sums: PairSums::new(recent, sums.0),
            });
        });
    }

    /// Computes the gradient of the convolution's output, in the layout `frame`.
    pub(super) fn output_gradient(
        self,
        gradient: &InputGradient,
        kept: &[f32],
        frame: &Frame,
        dz: &mut [f32],
    ) {
        dispatch(InnerGradient {
            inner: self,
            gradient,
            kept,
            frame,
            dz,
        });
    }
}

struct InnerSums<'a> {
    inner: Inner<'a>,
    dx_frame: &'a Frame,
    dx: &'a [f32],
    kept: &'a mut [f32],
    sums: PairSums<'a>,
}

impl Kernel for InnerSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            inner:
                Inner {
                    affine,
                    statistics,
                    frame,
                    z,
                },
            dx_frame,
            dx,
            kept,
            mut sums,
        } = self;
        let depth = padded(frame.channels);
        assert!((frame.channels, frame.h, frame.w) == (dx_frame.channels, dx_frame.h, dx_frame.w));
        assert!(affine.scale.len() == depth);
        with_constant!(affine.activation, activation => {
            for y in 0..frame.h {
                let (z, dx) = (frame.row(y, z), dx_frame.row(y, dx));
                let kept = frame.row_mut(y, kept);
                for c in (0..depth).step_by(S::F32_LANES) {
                    let mut pair = sums.load(s, c);
                    // SAFETY: c + LANES <= depth.
                    let ((mean, inv_std), channel) =
                        unsafe { (statistics.vectors(s, c), affine.vectors(s, c)) };
                    for x in 0..frame.w {
                        let offset = x * depth + c;
                        // SAFETY: all three rows have w pixels of depth values.
                        unsafe {
                            let z = s.load(z.as_ptr().add(offset));
                            let gradient = s.load(dx.as_ptr().add(offset));
                            let normalized = s.mul_add(z, channel.scale, channel.shift);
                            let gradient = activation.backward_vector(s, normalized, gradient);
                            s.store(kept.as_mut_ptr().add(offset), gradient);
                            pair.add(s, gradient, s.mul_f32s(s.sub_f32s(z, mean), inv_std));
                        }
                    }
                    sums.store(s, c, pair);
                }
                sums.end_of_row(frame.w);
            }
        });
        sums.finish();
    }
}

struct InnerGradient<'a> {
    inner: Inner<'a>,
    gradient: &'a InputGradient,
    kept: &'a [f32],
    frame: &'a Frame,
    dz: &'a mut [f32],
}

impl Kernel for InnerGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self {
            inner,
            gradient,
            kept,
            frame: to,
            dz,
        } = self;
        let (from, depth) = (inner.frame, padded(to.channels));
        assert!((from.channels, from.h, from.w) == (to.channels, to.h, to.w));
        assert!(gradient.scale.len() == depth);
        to.clear_margin(dz);
        for y in 0..from.h {
            let (z, kept) = (from.row(y, inner.z), from.row(y, kept));
            let dz = to.row_mut(y, dz);
            for x in 0..from.w {
                for c in (0..depth).step_by(S::F32_LANES) {
                    let offset = x * depth + c;
                    // SAFETY: all three rows have w pixels of depth values.
                    unsafe {
                        let factors = gradient.vectors(s, c);
                        let z = s.load(z.as_ptr().add(offset));
                        let value = s.load(kept.as_ptr().add(offset));
                        let value = input_gradient(s, factors, z, value);
                        s.store(dz.as_mut_ptr().add(offset), value);
                    }
                }
            }
        }
    }
}
