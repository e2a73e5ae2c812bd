//! What follows the last convolution of a block: normalization, activation, addition and pooling, in
//! one pass over its output.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::affine::{Affine, ChannelVectors};
use crate::conv::{Pooling, max_and_argmax, route};
use crate::layout::{Frame, padded};
use crate::simd::{Kernel, Simd, dispatch};

/// Where the residual is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addition {
    None,
    BeforeActivation,
    AfterActivation,
}

/// The operations after the last convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// The output of the convolution.
    pub(super) z: Frame,
    pub(super) addition: Addition,
    pub(super) pooling: Pooling,
}

impl Tail {
    /// Rows and columns of the convolution's output per row and column of the result.
    fn window(&self) -> usize {
        match self.pooling {
            Pooling::None => 1,
            Pooling::Max2 => 2,
        }
    }

    /// The layout of the result.
    pub(super) fn output(&self) -> Frame {
        let window = self.window();
        Frame::tight(self.z.channels, self.z.h / window, self.z.w / window)
    }

    /// The layout of the residual.
    pub(super) fn residual(&self) -> Frame {
        Frame::tight(self.z.channels, self.z.h, self.z.w)
    }

    /// Values of a buffer for the residual.
    pub(super) fn residual_len(&self) -> usize {
        match self.addition {
            Addition::None => 0,
            _ => self.residual().len(),
        }
    }

    /// Computes the result of one image.
    pub(super) fn forward(&self, affine: &Affine, z: &[f32], residual: &[f32], out: &mut [f32]) {
        dispatch(Forward {
            pixels: Pixels::new(self, affine, z, residual),
            out,
        });
    }
}

/// What the result of one image is computed from.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    tail: &'a Tail,
    affine: &'a Affine,
    z: &'a [f32],
    residual: &'a [f32],
}

/// A value before the activation and after the addition.
#[derive(Clone, Copy)]
struct Value<S: Simd> {
    z: S::f32s,
    before: S::f32s,
    result: S::f32s,
}

/// The gradient of one vector of the convolution's output.
#[derive(Clone, Copy)]
pub(super) struct PixelGradient<S: Simd> {
    pub(super) y: usize,
    pub(super) x: usize,
    /// The output of the convolution.
    pub(super) z: S::f32s,
    /// The gradient of the normalized value.
    pub(super) normalized: S::f32s,
    /// The gradient of the residual.
    pub(super) residual: S::f32s,
}

impl<'a> Pixels<'a> {
    pub(super) fn new(
        tail: &'a Tail,
        affine: &'a Affine,
        z: &'a [f32],
        residual: &'a [f32],
    ) -> Self {
        let depth = padded(tail.z.channels);
        assert!(tail.z.margin == 0 && z.len() == tail.z.len());
        assert!(residual.len() == tail.residual_len());
        assert!(affine.scale.len() == depth && affine.shift.len() == depth);
        Self {
            tail,
            affine,
            z,
            residual,
        }
    }

    /// # Safety
    /// `(y, x)` is a pixel of the image, `c + LANES` at most the padded number of channels.
    #[inline(always)]
    unsafe fn value<S: Simd>(
        &self,
        s: S,
        channel: ChannelVectors<S>,
        (y, x): (usize, usize),
        c: usize,
    ) -> Value<S> {
        let Tail { z: frame, .. } = self.tail;
        let depth = padded(frame.channels);
        // SAFETY: the lengths of both are checked by `new`, and the caller's contract.
        unsafe {
            let z = s.load(self.z.as_ptr().add((y * frame.frame_w + x) * depth + c));
            let normalized = s.mul_add(z, channel.scale, channel.shift);
            let residual = || {
                let offset = (y * frame.w + x) * depth + c;
                s.load(self.residual.as_ptr().add(offset))
            };
            let activation = self.affine.activation;
            let (before, result) = match self.tail.addition {
                Addition::None => (normalized, activation.apply_vector(s, normalized)),
                Addition::BeforeActivation => {
                    let before = s.add_f32s(normalized, residual());
                    (before, activation.apply_vector(s, before))
                }
                Addition::AfterActivation => {
                    let active = activation.apply_vector(s, normalized);
                    (normalized, s.add_f32s(active, residual()))
                }
            };
            Value { z, before, result }
        }
    }

    /// Calls `f` with the gradients of all pixels that row `y` of the result is computed from,
    /// and of those of these rows that no window contains. `dy` is the gradient of the result,
    /// of the layout [`Tail::output`].
    ///
    /// # Safety
    /// `c + LANES` is at most the padded number of channels, and `y` is a row of the result.
    #[inline(always)]
    pub(super) unsafe fn row_gradients<S: Simd>(
        &self,
        s: S,
        dy: &[f32],
        y: usize,
        c: usize,
        mut f: impl FnMut(PixelGradient<S>),
    ) {
        let (output, depth) = (self.tail.output(), padded(self.tail.z.channels));
        assert!(dy.len() == output.len() && c + S::F32_LANES <= depth && y < output.h);
        // SAFETY: asserted.
        let channel = unsafe { self.affine.vectors(s, c) };
        let mut emit = |pixel: (usize, usize), value: Value<S>, gradient: S::f32s| {
            let before = self
                .affine
                .activation
                .backward_vector(s, value.before, gradient);
            f(PixelGradient {
                y: pixel.0,
                x: pixel.1,
                z: value.z,
                normalized: before,
                residual: match self.tail.addition {
                    Addition::AfterActivation => gradient,
                    _ => before,
                },
            });
        };
        for x in 0..output.w {
            // SAFETY: a pixel of the result; its window is inside the image.
            let gradient = unsafe { s.load(dy.as_ptr().add((y * output.w + x) * depth + c)) };
            match self.tail.pooling {
                Pooling::None => {
                    let value = unsafe { self.value(s, channel, (y, x), c) };
                    emit((y, x), value, gradient);
                }
                Pooling::Max2 => {
                    let pixel = |i: usize| (2 * y + i / 2, 2 * x + i % 2);
                    let value = |i| unsafe { self.value(s, channel, pixel(i), c) };
                    let window = [value(0), value(1), value(2), value(3)];
                    let (_, argmax) = max_and_argmax(s, window.map(|value| value.result));
                    for (i, value) in window.into_iter().enumerate() {
                        emit(pixel(i), value, route(s, gradient, argmax, i));
                    }
                }
            }
        }
        if self.tail.pooling == Pooling::Max2 && self.tail.z.w % 2 == 1 {
            for y in [2 * y, 2 * y + 1] {
                let pixel = (y, self.tail.z.w - 1);
                // SAFETY: both rows are inside the image.
                let value = unsafe { self.value(s, channel, pixel, c) };
                emit(pixel, value, s.splat_f32s(0.0));
            }
        }
    }

    /// Calls `f` with the output of the convolution in the last row, if no window contains it.
    ///
    /// # Safety
    /// `c + LANES` is at most the padded number of channels.
    #[inline(always)]
    pub(super) unsafe fn rest<S: Simd>(&self, s: S, c: usize, mut f: impl FnMut(PixelGradient<S>)) {
        let Frame { h, w, .. } = self.tail.z;
        if self.tail.pooling == Pooling::None || h % 2 == 0 {
            return;
        }
        let zero = s.splat_f32s(0.0);
        for x in 0..w {
            // SAFETY: the caller's contract, and a pixel of the image.
            let z = unsafe {
                let channel = self.affine.vectors(s, c);
                self.value(s, channel, (h - 1, x), c).z
            };
            f(PixelGradient {
                y: h - 1,
                x,
                z,
                normalized: zero,
                residual: zero,
            });
        }
    }
}

struct Forward<'a> {
    pixels: Pixels<'a>,
    out: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pixels, out } = self;
        let (output, depth) = (pixels.tail.output(), padded(pixels.tail.z.channels));
        assert!(out.len() == output.len());
        for y in 0..output.h {
            for c in (0..depth).step_by(S::F32_LANES) {
                // SAFETY: c + LANES <= depth; windows of pixels of the result are inside the image.
                unsafe {
                    let channel = pixels.affine.vectors(s, c);
                    for x in 0..output.w {
                        let result = |pixel| pixels.value(s, channel, pixel, c).result;
                        let value = match pixels.tail.pooling {
                            Pooling::None => result((y, x)),
                            Pooling::Max2 => {
                                let (y, x) = (2 * y, 2 * x);
                                let top = [result((y, x)), result((y, x + 1))];
                                let bottom = [result((y + 1, x)), result((y + 1, x + 1))];
                                let window = [top[0], top[1], bottom[0], bottom[1]];
                                max_and_argmax(s, window).0
                            }
                        };
                        s.store(out.as_mut_ptr().add((y * output.w + x) * depth + c), value);
                    }
                }
            }
        }
    }
}
