//! Upsampling by bilinear interpolation: along the rows first, then between them.

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

use super::phase::Phase;
use super::sizes::Sizes;
use crate::host::{is_host_f32, values};
use crate::interleave::{deinterleave, interleave};
use crate::scratch::with_scratch;

const NAME: &str = "upsample_bilinear2d";

/// Interpolates `x`, `[n, c, h, w]`, bilinearly to `scale` times the height and width: PyTorch's
/// `interpolate` with `mode="bilinear"`, `align_corners=False` and a whole factor.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[0f32, 4.0]]]], &Device::Cpu)?;
/// let y = fkp_kernels::upsample_bilinear2d(&x, 2)?.flatten_to(2)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[0.0, 1.0, 3.0, 4.0], [0.0, 1.0, 3.0, 4.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// If `x` has another rank or no elements, or `scale` is 0.
pub fn upsample_bilinear2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let sizes = Sizes::new(NAME, x, scale)?;
    if scale == 1 {
        return Ok(x.clone());
    }
    let phases = Phase::all(scale);
    if is_host_f32(&[x]) {
        x.apply_op1(Bilinear { sizes, phases })
    } else {
        by_candle(x, sizes, &phases)
    }
}

/// The same as two matrix products, because candle's function has no backward.
fn by_candle(x: &Tensor, sizes: Sizes, phases: &[Phase]) -> Result<Tensor> {
    let Sizes { n, c, h, w, scale } = sizes;
    let matrix = |len: usize| {
        let mut weights = vec![0.0f64; len * len * scale];
        for (row, i) in weights.chunks_exact_mut(len).zip(0..) {
            let phase = phases[i % scale];
            for (neighbor, weight) in phase
                .neighbors(i / scale, len)
                .into_iter()
                .zip(phase.weights)
            {
                row[neighbor] += weight;
            }
        }
        let matrix = Tensor::from_vec(weights, (len * scale, len), &Device::Cpu)?;
        matrix.to_dtype(x.dtype())?.to_device(x.device())?.t()
    };
    let (rows, wide) = (n * c * h, sizes.wide());
    let wide_rows = x.reshape((rows, w))?.matmul(&matrix(w)?)?;
    let columns = wide_rows.reshape((n * c, h, wide))?.transpose(1, 2)?;
    let columns = columns.contiguous()?.reshape((n * c * wide, h))?;
    let all = columns.matmul(&matrix(h)?)?;
    let all = all.reshape((n * c, wide, h * scale))?.transpose(1, 2)?;
    all.contiguous()?.reshape(sizes.out_shape())
}

struct Bilinear {
    sizes: Sizes,
    phases: Vec<Phase>,
}

impl Bilinear {
    /// Calls `f` with scratch memory for the rows of a plane at full width, for one row between
    /// copies of its first and last pixel, and for the phases of one row.
    fn with_rows(&self, f: impl FnOnce(&mut [f32], &mut [f32], &mut [f32])) {
        let g = &self.sizes;
        let (wide, padded) = (g.h * g.wide(), g.w + 2);
        with_scratch(wide + padded + g.wide(), |scratch| {
            let (rows, rest) = scratch.split_at_mut(wide);
            let (padded, phases) = rest.split_at_mut(padded);
            f(rows, padded, phases);
        });
    }

    /// The phase of each row of the output, and the two input rows that it is between.
    fn lines(&self) -> impl Iterator<Item = ([usize; 2], [f64; 2])> + '_ {
        let Sizes { h, scale, .. } = self.sizes;
        (0..h * scale).map(move |y| {
            let phase = self.phases[y % scale];
            (phase.neighbors(y / scale, h), phase.weights)
        })
    }

    fn forward_plane(&self, x: &[f32], y: &mut [f32]) {
        let Sizes { w, scale, .. } = self.sizes;
        let wide = self.sizes.wide();
        self.with_rows(|rows, padded, phases| {
            for (x, row) in x.chunks_exact(w).zip(rows.chunks_exact_mut(wide)) {
                padded[1..=w].copy_from_slice(x);
                (padded[0], padded[w + 1]) = (x[0], x[w - 1]);
                for (phase, line) in self.phases.iter().zip(phases.chunks_exact_mut(w)) {
                    let neighbors = &padded[phase.first..];
                    blend(phase.weights, &neighbors[..w], &neighbors[1..=w], line);
                }
                interleave(phases, w, row, scale);
            }
            for (([upper, lower], weights), y) in self.lines().zip(y.chunks_exact_mut(wide)) {
                let row = |i: usize| &rows[i * wide..][..wide];
                blend(weights, row(upper), row(lower), y);
            }
        });
    }

    /// The adjoint of [`Self::forward_plane`], in the reverse order; adds to `dx`.
    fn backward_plane(&self, grad: &[f32], dx: &mut [f32]) {
        let Sizes { w, scale, .. } = self.sizes;
        let wide = self.sizes.wide();
        self.with_rows(|rows, padded, phases| {
            rows.fill(0.0);
            for ((neighbors, weights), grad) in self.lines().zip(grad.chunks_exact(wide)) {
                for (i, weight) in neighbors.into_iter().zip(weights) {
                    add_scaled(weight, grad, &mut rows[i * wide..][..wide]);
                }
            }
            for (row, dx) in rows.chunks_exact(wide).zip(dx.chunks_exact_mut(w)) {
                deinterleave(row, phases, w, scale);
                padded.fill(0.0);
                for (phase, line) in self.phases.iter().zip(phases.chunks_exact(w)) {
                    for (i, weight) in phase.weights.into_iter().enumerate() {
                        add_scaled(weight, line, &mut padded[phase.first + i..][..w]);
                    }
                }
                padded[1] += padded[0];
                padded[w] += padded[w + 1];
                add_scaled(1.0, &padded[1..=w], dx);
            }
        });
    }
}

fn blend(weights: [f64; 2], a: &[f32], b: &[f32], dst: &mut [f32]) {
    let [first, second] = weights.map(|weight| weight as f32);
    for ((dst, &a), &b) in dst.iter_mut().zip(a).zip(b) {
        *dst = first * a + second * b;
    }
}

fn add_scaled(factor: f64, values: &[f32], dst: &mut [f32]) {
    let factor = factor as f32;
    for (dst, &v) in dst.iter_mut().zip(values) {
        *dst += factor * v;
    }
}

impl CustomOp1 for Bilinear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, storage, layout)?;
        let y = self.sizes.forward(&x, |x, y| self.forward_plane(x, y));
        Ok((CpuStorage::F32(y), self.sizes.out_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        self.sizes
            .backward(NAME, x, grad, |grad, dx| self.backward_plane(grad, dx))
    }
}
