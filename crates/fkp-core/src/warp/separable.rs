//! The area filter for maps without rotation or shear, such as a crop or a resize.
//!
//! The mean over the regular grid of [`super::area`] is then separable: a weighted sum of rows of
//! weighted sums of columns, so each source pixel is read once instead of once per sample near it.

use super::coords::BLOCK;
use super::source::Source;
use crate::Channel;
use crate::vectors::Kernel;

/// Limit on the samples per destination pixel and axis, which bounds the time for extreme maps. A
/// photograph of 100 megapixels is far below it.
const MAX_TAPS: f64 = 4096.0;

/// `src = scale · dst + shift` along one axis.
#[derive(Clone, Copy)]
pub(super) struct AxisMap {
    pub(super) scale: f64,
    pub(super) shift: f64,
}

/// Memory that is reused from one warp to the next.
#[derive(Default)]
pub(super) struct Memory {
    columns: Weights,
    rows: Weights,
    /// The weighted sum of rows, as wide as the columns that are used.
    sum: Vec<f32>,
}

/// The source pixels along one axis that each destination pixel is the sum of, with their weights.
#[derive(Default)]
struct Weights {
    /// Index in the source and weight.
    taps: Vec<(u32, f32)>,
    /// End of the taps of each destination pixel.
    ends: Vec<usize>,
}

impl Weights {
    /// The weights of `len` destination pixels. `fold` maps coordinates into a source of `side`
    /// pixels.
    fn fill(&mut self, map: AxisMap, len: usize, side: usize, fold: impl Fn(&mut [f32; BLOCK])) {
        self.taps.clear();
        self.ends.clear();
        let count = (map.scale.abs() - 1e-6).ceil().clamp(1.0, MAX_TAPS) as usize;
        let weight = 1.0 / count as f32;
        let mut block = [0.0; BLOCK];
        for pixel in 0..len {
            let first = self.taps.len();
            for start in (0..count).step_by(BLOCK) {
                for (k, coordinate) in block.iter_mut().enumerate() {
                    let offset = ((start + k) as f64 + 0.5) / count as f64 - 0.5;
                    *coordinate = (map.scale * (pixel as f64 + offset) + map.shift) as f32;
                }
                fold(&mut block);
                for &coordinate in &block[..BLOCK.min(count - start)] {
                    let before = (coordinate as usize).min(side - 2);
                    let fraction = coordinate - before as f32;
                    self.add(first, before, weight * (1.0 - fraction));
                    self.add(first, before + 1, weight * fraction);
                }
            }
            self.ends.push(self.taps.len());
        }
    }

    /// Neighboring samples share pixels: the pixel may be one of the last two taps.
    fn add(&mut self, first: usize, index: usize, weight: f32) {
        let recent = first.max(self.taps.len().saturating_sub(2));
        let index = index as u32;
        match self.taps[recent..].iter_mut().find(|tap| tap.0 == index) {
            Some(tap) => tap.1 += weight,
            None => self.taps.push((index, weight)),
        }
    }

    /// The taps of each destination pixel, in order.
    #[inline(always)]
    fn each(&self) -> impl Iterator<Item = &[(u32, f32)]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let taps = &self.taps[start..end];
            start = end;
            taps
        })
    }

    /// The first index that is used and the one after the last.
    fn span(&self) -> (usize, usize) {
        let indices = || self.taps.iter().map(|tap| tap.0 as usize);
        let (first, last) = (indices().min(), indices().max());
        (first.unwrap_or(0), last.map_or(0, |last| last + 1))
    }
}

/// Rows of a separable area warp.
pub(super) struct Rows<'a, T, const C: usize> {
    pub(super) source: &'a Source<'a, T>,
    pub(super) memory: &'a mut Memory,
    pub(super) dst: &'a mut [T],
    width: usize,
}

impl<'a, T: Channel, const C: usize> Rows<'a, T, C> {
    /// For a destination of `size` = (width, height), with a map for each axis.
    pub(super) fn new(
        source: &'a Source<'a, T>,
        (x, y): (AxisMap, AxisMap),
        size: (usize, usize),
        memory: &'a mut Memory,
        dst: &'a mut [T],
    ) -> Self {
        let (columns, rows) = (&mut memory.columns, &mut memory.rows);
        columns.fill(x, size.0, source.width, |at| source.fold_x(at));
        rows.fill(y, size.1, source.height, |at| source.fold_y(at));
        let (first, end) = columns.span();
        memory.sum.clear();
        memory.sum.resize((end - first) * C, 0.0);
        Self {
            source,
            memory,
            dst,
            width: size.0,
        }
    }
}

impl<T: Channel, const C: usize> Kernel for Rows<'_, T, C> {
    #[inline(always)]
    fn run(self) {
        let Memory { columns, rows, sum } = self.memory;
        let (first, end) = columns.span();
        let out = self.dst.chunks_exact_mut(self.width * C);
        for (out, taps) in out.zip(rows.each()) {
            sum.fill(0.0);
            for &(row, weight) in taps {
                let start = row as usize * self.source.width;
                let row = &self.source.data[(start + first) * C..(start + end) * C];
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum += weight * value.to_f32();
                }
            }
            for (pixel, taps) in out.chunks_exact_mut(C).zip(columns.each()) {
                let mut value = [0.0; C];
                for &(column, weight) in taps {
                    let start = (column as usize - first) * C;
                    for (value, sum) in value.iter_mut().zip(&sum[start..start + C]) {
                        *value += weight * sum;
                    }
                }
                for (channel, value) in pixel.iter_mut().zip(value) {
                    *channel = T::from_f32(value);
                }
            }
        }
    }
}
