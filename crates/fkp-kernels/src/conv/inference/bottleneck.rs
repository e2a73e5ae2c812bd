//! 1×1 convolution, depthwise convolution, 1×1 convolution, as in MobileNetV2: computed in bands of
//! rows, so that the wide maps between them stay in the cache.

use std::ops::Range;

use super::depthwise::{Depthwise, Rows};
use super::input::InputLayout;
use super::parts::Part;
use super::taps::Taps;
use crate::Activation;
use crate::aligned::{Aligned, SLACK, align};
use crate::conv::geometry::Geometry;
use crate::layout::{Frame, Grid, padded};
use crate::matmul::{Addition, Epilogue, PANEL};
use crate::scratch::with_scratch;

/// Bytes of a band of the first convolution's result, for a panel of channels: with the weights and the
/// input, about what a first-level cache holds.
const BAND_BYTES: usize = 32 << 10;
/// Bytes of the second convolution's result for which all panels are computed before the third, which
/// are read from the second-level cache.
const PART_BYTES: usize = 512 << 10;

/// Three convolutions with their weights.
#[derive(Debug)]
pub(crate) struct Bottleneck {
    expand: Taps,
    depthwise: Depthwise,
    project: Taps,
    /// Padded with zeros.
    biases: [Aligned; 3],
    relu: [bool; 3],
    /// Size of the first map.
    h: usize,
    w: usize,
    /// Rows of a window.
    kernel: usize,
    padding: usize,
    stride: usize,
    /// Pixels of a row of it with the zeros at its sides.
    pixels: usize,
    /// Channels of the wide maps.
    depth: usize,
    ho: usize,
    wo: usize,
    /// Rows of the result in a band, and in a part of several bands.
    band: usize,
    part: usize,
    output: Grid,
}

/// A convolution as PyTorch has it. The bias may be empty.
#[derive(Clone, Copy)]
pub(crate) struct ConvWeights<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) weights: &'a [f32],
    pub(crate) bias: &'a [f32],
}

impl Bottleneck {
    /// Where each convolution reads what the one before writes, and all activations are fused.
    pub(crate) fn new(convs: [ConvWeights<'_>; 3], input: InputLayout, output: Frame) -> Self {
        let [first, middle, last] = convs;
        let g = middle.geometry;
        let depth = padded(g.c_in);
        let pixels = ((g.wo - 1) * g.stride + g.kw).max(g.padding + g.w);
        let row = pixels * PANEL.min(depth) * size_of::<f32>();
        let rows = (BAND_BYTES / row).saturating_sub(g.kh) / g.stride + 1;
        // Bands of about the same number of rows.
        let band = g.ho.div_ceil(g.ho.div_ceil(rows));
        let bands = PART_BYTES / (band * g.wo * depth * size_of::<f32>());
        let wide = Grid {
            start: 0,
            pixel: depth,
            line: g.wo * depth,
        };
        let wide = InputLayout {
            grid: wide,
            channel: 1,
        };
        let bias = |conv: ConvWeights<'_>| {
            let mut bias = Aligned::zeros(padded(conv.geometry.c_out));
            bias.as_mut_slice()[..conv.bias.len()].copy_from_slice(conv.bias);
            bias
        };
        Self {
            expand: Taps::new(first.geometry, input, first.weights),
            // Where it reads is stated for each band.
            depthwise: Depthwise::new(g, wide, middle.weights),
            project: Taps::new(last.geometry, wide, last.weights),
            biases: convs.map(bias),
            relu: convs.map(|conv| conv.geometry.activation == Activation::Relu),
            h: g.h,
            w: g.w,
            pixels,
            kernel: g.kh,
            padding: g.padding,
            stride: g.stride,
            depth,
            ho: g.ho,
            wo: g.wo,
            band,
            part: band * bands.max(1),
            output: output.grid(0),
        }
    }

    /// Writes the image of the output.
    pub(crate) fn run(&self, input: &[f32], addition: Addition<'_>, output: &mut [f32]) {
        let pixels = self.pixels;
        let rows = (self.band - 1) * self.stride + self.kernel;
        let len = rows * pixels * PANEL.min(self.depth);
        let middle_len = self.part.min(self.ho) * self.wo * self.depth;
        with_scratch(len + middle_len + SLACK, |memory| {
            let (wide, middle) = align(memory, len + middle_len).split_at_mut(len);
            for y in (0..self.ho).step_by(self.part) {
                let part = y..(y + self.part).min(self.ho);
                for first in (0..self.depth).step_by(PANEL) {
                    let channels = first..(first + PANEL).min(self.depth);
                    let mut panel = Panel {
                        pixels,
                        rows,
                        depth: channels.len(),
                        values: &mut wide[..rows * pixels * channels.len()],
                    };
                    if first == 0 || channels.len() != PANEL {
                        panel.clear_columns(self.padding, self.w);
                    }
                    for y in part.clone().step_by(self.band) {
                        let band = Band {
                            rows: y..(y + self.band).min(part.end),
                            kept: if y == part.start {
                                0
                            } else {
                                panel.keep(self.band * self.stride)
                            },
                        };
                        let to = (y - part.start) * self.wo * self.depth + first;
                        let output = &mut middle[to..];
                        self.band(input, band, channels.clone(), &mut panel, output);
                    }
                }
                let epilogue = Epilogue {
                    relu: self.relu[2],
                    addition,
                };
                let n = self.biases[2].as_slice().len();
                let rows = Part {
                    y: 0,
                    h: part.len(),
                    input: middle,
                    bias: self.biases[2].as_slice(),
                    epilogue: epilogue.at_row(y),
                    output: &mut *output,
                    output_grid: self.output.at_row(y),
                };
                self.project.part(self.wo, 0..n, rows);
            }
        });
    }

    /// The first two convolutions for a band and a panel of channels.
    fn band(
        &self,
        input: &[f32],
        band: Band,
        channels: Range<usize>,
        panel: &mut Panel<'_>,
        output: &mut [f32],
    ) {
        let Band { rows, kept } = band;
        let needed = (rows.len() - 1) * self.stride + self.kernel;
        // The row of the first map that is row 0 of the panel.
        let top = (rows.start * self.stride) as isize - self.padding as isize;
        let row_of = |y: usize| (y as isize - top).clamp(0, needed as isize) as usize;
        let (start, end) = (row_of(0).max(kept), row_of(self.h).max(kept));
        panel.clear_rows(kept..start);
        panel.clear_rows(end..needed);
        let grid = panel.grid();
        if start < end {
            let part = Part {
                y: (start as isize + top) as usize,
                h: end - start,
                input,
                bias: self.biases[0].as_slice(),
                epilogue: Epilogue {
                    relu: self.relu[0],
                    addition: Addition::None,
                },
                output: &mut *panel.values,
                output_grid: Grid {
                    start: grid.offset(start, self.padding),
                    ..grid
                },
            };
            self.expand.part(self.w, channels.clone(), part);
        }
        self.depthwise.rows(Rows {
            h: rows.len(),
            w: self.wo,
            channel: channels.start,
            depth: channels.len(),
            input: &*panel.values,
            input_grid: grid,
            bias: self.biases[1].as_slice(),
            epilogue: Epilogue {
                relu: self.relu[1],
                addition: Addition::None,
            },
            output,
            output_grid: Grid {
                start: 0,
                pixel: self.depth,
                line: self.wo * self.depth,
            },
        });
    }
}

/// Rows of the second map, for which some rows of the first are in the panel already.
struct Band {
    rows: Range<usize>,
    kept: usize,
}

/// Rows of a panel of channels of the first map.
struct Panel<'a> {
    pixels: usize,
    rows: usize,
    depth: usize,
    values: &'a mut [f32],
}

impl Panel<'_> {
    fn grid(&self) -> Grid {
        Grid {
            start: 0,
            pixel: self.depth,
            line: self.pixels * self.depth,
        }
    }

    /// Zeros left and right of the `w` pixels of each row.
    fn clear_columns(&mut self, left: usize, w: usize) {
        for row in self.values.chunks_exact_mut(self.pixels * self.depth) {
            row[..left * self.depth].fill(0.0);
            row[(left + w) * self.depth..].fill(0.0);
        }
    }

    fn clear_rows(&mut self, rows: Range<usize>) {
        let line = self.pixels * self.depth;
        self.values[rows.start * line..rows.end * line].fill(0.0);
    }

    /// Moves the rows from `first` on to the top; returns their number.
    fn keep(&mut self, first: usize) -> usize {
        let kept = self.rows.saturating_sub(first);
        let line = self.pixels * self.depth;
        self.values.copy_within((self.rows - kept) * line.., 0);
        kept
    }
}
