//! A transposed convolution of stride s as one of stride 1 that computes s² phases of the result
//! (Shi et al. 2016): its loops read and write consecutive values.

use std::array::from_fn;

use super::geometry::TransposedGeometry;
use crate::interleave::{deinterleave, interleave};
use crate::scratch::with_scratch;

/// The phases of a result whose padded height and width are multiples of the stride. Phase
/// (py, px) is the pixels (i · stride + py, j · stride + px) of the padded result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subpixel {
    stride: usize,
    padding: usize,
    /// Size of the result and of its phases.
    out: [usize; 2],
    phase: [usize; 2],
    kernel: [usize; 2],
}

impl Subpixel {
    /// `None` where the stride is 1 or does not divide the kernel.
    pub(super) fn new(g: &TransposedGeometry) -> Option<Self> {
        let (stride, padding) = (g.config.stride, g.config.padding);
        let out = [g.out_h, g.out_w];
        let kernel = [g.kh, g.kw];
        let divides = |len: usize| len.is_multiple_of(stride);
        let padded = out.map(|len| len + 2 * padding);
        let fits = stride > 1 && kernel.into_iter().chain(padded).all(divides);
        fits.then(|| Self {
            stride,
            padding,
            out,
            phase: padded.map(|len| len / stride),
            kernel,
        })
    }

    /// Number of phases.
    pub(super) fn phases(&self) -> usize {
        self.stride * self.stride
    }

    /// Height and width of a phase.
    pub(super) fn phase_size(&self) -> [usize; 2] {
        self.phase
    }

    /// Height and width of the kernel of each phase.
    pub(super) fn kernel_size(&self) -> [usize; 2] {
        self.kernel.map(|len| len / self.stride)
    }

    /// Writes images `[c_out, out_h, out_w]` from their phases,
    /// `[c_out, stride, stride, phase_h, phase_w]`.
    pub(super) fn join(&self, phases: &[f32], image: &mut [f32]) {
        let [_, out_w] = self.out;
        self.with_padded_line(|line| {
            for (row, to) in image.chunks_exact_mut(out_w).enumerate() {
                let first = self.first_phase(row);
                interleave(&phases[first..], self.phase_len(), line, self.stride);
                to.copy_from_slice(&line[self.padding..][..out_w]);
            }
        });
    }

    /// The adjoint of [`Self::join`]: writes phases, with zeros in the padding.
    pub(super) fn split(&self, image: &[f32], phases: &mut [f32]) {
        let [_, out_w] = self.out;
        phases.fill(0.0);
        self.with_padded_line(|line| {
            line.fill(0.0);
            for (row, from) in image.chunks_exact(out_w).enumerate() {
                line[self.padding..][..out_w].copy_from_slice(from);
                let first = self.first_phase(row);
                deinterleave(line, &mut phases[first..], self.phase_len(), self.stride);
            }
        });
    }

    /// The kernels `[.., kh, kw]` with the taps of each phase together,
    /// `[.., stride, stride, kh / stride, kw / stride]`.
    pub(super) fn kernels_by_phase(&self, w: &[f32]) -> Vec<f32> {
        let order = self.taps_by_phase();
        let kernels = w.chunks_exact(order.len());
        kernels
            .flat_map(|k| order.iter().map(|&tap| k[tap]))
            .collect()
    }

    /// The inverse of [`Self::kernels_by_phase`].
    pub(super) fn kernels_from_phases(&self, by_phase: &[f32]) -> Vec<f32> {
        let order = self.taps_by_phase();
        let mut w = vec![0.0f32; by_phase.len()];
        let kernels = w.chunks_exact_mut(order.len());
        for (kernel, by_phase) in kernels.zip(by_phase.chunks_exact(order.len())) {
            for (&tap, &v) in order.iter().zip(by_phase) {
                kernel[tap] = v;
            }
        }
        w
    }

    /// The index in a kernel of each tap, in the order of the phases.
    fn taps_by_phase(&self) -> Vec<usize> {
        let [_, kw] = self.kernel;
        let [taps_y, taps_x]: [Vec<Vec<usize>>; 2] = from_fn(|axis| {
            let of_phase = |p| (p..self.kernel[axis]).step_by(self.stride).collect();
            (0..self.stride).map(of_phase).collect()
        });
        let pairs = taps_y
            .iter()
            .flat_map(|ys| taps_x.iter().map(move |xs| (ys, xs)));
        pairs
            .flat_map(|(ys, xs)| {
                ys.iter()
                    .flat_map(move |y| xs.iter().map(move |x| y * kw + x))
            })
            .collect()
    }

    fn phase_len(&self) -> usize {
        self.phase[0] * self.phase[1]
    }

    /// Offset of the pixels of row `row`, counted over all channels, in the first of the phases
    /// that have them.
    fn first_phase(&self, row: usize) -> usize {
        let (channel, y) = (row / self.out[0], row % self.out[0] + self.padding);
        let phase = (channel * self.stride + y % self.stride) * self.stride;
        phase * self.phase_len() + y / self.stride * self.phase[1]
    }

    fn with_padded_line(&self, f: impl FnOnce(&mut [f32])) {
        with_scratch(self.out[1] + 2 * self.padding, f);
    }
}
