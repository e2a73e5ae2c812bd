//! What follows the last convolution of a block: normalization, activation, addition and pooling, in
//! one pass over its output.
#![expect(unsafe_code, reason = "vector loads and stores at computed offsets")]

use super::affine::{Affine, ChannelVectors, with_constant};
use crate::Activation;
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
    activation: Activation,
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
    #[inline(always)]
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
            activation: affine.activation,
            z,
            residual,
        }
    }

    /// With the activation as a constant.
    #[inline(always)]
    pub(super) fn with(self, activation: Activation) -> Self {
        Self { activation, ..self }
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
            let offset = (y * frame.w + x) * depth + c;
            let residual = self.residual.as_ptr().wrapping_add(offset);
            let activation = self.activation;
            let (before, result) = match self.tail.addition {
                Addition::None => (normalized, activation.apply_vector(s, normalized)),
                Addition::BeforeActivation => {
                    let before = s.add_f32s(normalized, s.load(residual));
                    (before, activation.apply_vector(s, before))
                }
                Addition::AfterActivation => {
                    let active = activation.apply_vector(s, normalized);
                    (normalized, s.add_f32s(active, s.load(residual)))
                }
            };
            Value { z, before, result }
        }
    }

    /// Passes to `sink` the gradients of all pixels that row `y` of the result is computed from,
    /// and of those of these rows that no window contains. `dy` is the gradient of the result,
    /// of the layout [`Tail::output`].
    #[inline(always)]
    pub(super) fn row_gradients<S: Simd>(
        &self,
        s: S,
        dy: &[f32],
        (y, c): (usize, usize),
        sink: &mut impl GradientSink<S>,
    ) {
        let (output, depth) = (self.tail.output(), padded(self.tail.z.channels));
        assert!(dy.len() == output.len() && c + S::F32_LANES <= depth && y < output.h);
        // SAFETY: asserted for all pixels of the row; their windows are inside the image.
        unsafe {
            let channel = self.affine.vectors(s, c);
            match self.tail.pooling {
                Pooling::None => {
                    for x in 0..output.w {
                        let gradient = s.load(dy.as_ptr().add((y * output.w + x) * depth + c));
                        let value = self.value(s, channel, (y, x), c);
                        self.pass_on(s, (y, x), value, gradient, sink);
                    }
                }
                Pooling::Max2 => {
                    for x in 0..output.w {
                        let gradient = s.load(dy.as_ptr().add((y * output.w + x) * depth + c));
                        let (y, x) = (2 * y, 2 * x);
                        let window = [
                            self.value(s, channel, (y, x), c),
                            self.value(s, channel, (y, x + 1), c),
                            self.value(s, channel, (y + 1, x), c),
                            self.value(s, channel, (y + 1, x + 1), c),
                        ];
                        let [a, b, d, e] = window;
                        let results = [a.result, b.result, d.result, e.result];
                        let (_, argmax) = max_and_argmax(s, results);
                        for (i, value) in window.into_iter().enumerate() {
                            let gradient = route(s, gradient, argmax, i);
                            self.pass_on(s, (y + i / 2, x + i % 2), value, gradient, sink);
                        }
                    }
                    if self.tail.z.w % 2 == 1 {
                        for y in [2 * y, 2 * y + 1] {
                            let pixel = (y, self.tail.z.w - 1);
                            let value = self.value(s, channel, pixel, c);
                            self.pass_on(s, pixel, value, s.splat_f32s(0.0), sink);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn pass_on<S: Simd>(
        &self,
        s: S,
        (y, x): (usize, usize),
        value: Value<S>,
        gradient: S::f32s,
        sink: &mut impl GradientSink<S>,
    ) {
        let activation = self.activation;
        let normalized = activation.backward_vector(s, value.before, gradient);
        let residual = match self.tail.addition {
            Addition::AfterActivation => gradient,
            _ => normalized,
        };
        sink.pixel(
            s,
            PixelGradient {
                y,
                x,
                z: value.z,
                normalized,
                residual,
            },
        );
    }

    /// Passes to `sink` the pixels of the last row, if no window contains it.
    #[inline(always)]
    pub(super) fn rest<S: Simd>(&self, s: S, c: usize, sink: &mut impl GradientSink<S>) {
        let Frame { h, w, .. } = self.tail.z;
        if self.tail.pooling == Pooling::None || h % 2 == 0 {
            return;
        }
        assert!(c + S::F32_LANES <= padded(self.tail.z.channels));
        for x in 0..w {
            // SAFETY: asserted, and a pixel of the image.
            let value = unsafe {
                let channel = self.affine.vectors(s, c);
                self.value(s, channel, (h - 1, x), c)
            };
            self.pass_on(s, (h - 1, x), value, s.splat_f32s(0.0), sink);
        }
    }
}

/// Gets the gradients of the convolution's output, pixel by pixel.
pub(super) trait GradientSink<S: Simd> {
    /// Must be `#[inline(always)]`, as every function of a kernel.
    fn pixel(&mut self, s: S, gradient: PixelGradient<S>);
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
        with_constant!(pixels.activation, activation => {
            let pixels = pixels.with(activation);
            for y in 0..output.h {
                for x in 0..output.w {
                    for c in (0..depth).step_by(S::F32_LANES) {
                        // SAFETY: c + LANES <= depth; the window of a pixel of the result is
                        // inside the image.
                        unsafe {
                            let channel = pixels.affine.vectors(s, c);
                            let value = match pixels.tail.pooling {
                                Pooling::None => pixels.value(s, channel, (y, x), c).result,
                                Pooling::Max2 => {
                                    let (y, x) = (2 * y, 2 * x);
                                    let window = [
                                        pixels.value(s, channel, (y, x), c).result,
                                        pixels.value(s, channel, (y, x + 1), c).result,
                                        pixels.value(s, channel, (y + 1, x), c).result,
                                        pixels.value(s, channel, (y + 1, x + 1), c).result,
                                    ];
                                    max_and_argmax(s, window).0
                                }
                            };
                            let offset = (y * output.w + x) * depth + c;
                            s.store(out.as_mut_ptr().add(offset), value);
                        }
                    }
                }
            }
        });
    }
}
