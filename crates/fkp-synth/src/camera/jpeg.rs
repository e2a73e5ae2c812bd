//! Artifacts of JPEG: the quantization of 8×8 blocks, with color at half the resolution.
//!
//! Without entropy coding, which loses nothing. Annexes A and K of ITU-T T.81.

use crate::raster::{Raster, Resampling, resized};

/// The quality of a JPEG image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jpeg {
    /// Quality from 1 to 100, as in libjpeg.
    pub quality: f32,
    /// Position of the block grid relative to the image's corner, in pixels to the left and up, 0
    /// to 7: a crop of a JPEG image starts anywhere in a block.
    pub grid: [u8; 2],
}

impl Jpeg {
    /// Quantizes the values of the image, of which 1 is white.
    pub(super) fn apply(&self, raster: &mut Raster) {
        let quality = self.quality.clamp(1.0, 100.0);
        if raster.channels == 1 {
            self.quantize(raster, &table(&LUMA, quality));
            return;
        }
        let [mut y, mut cb, mut cr] = to_planes(raster);
        self.quantize(&mut y, &table(&LUMA, quality));
        let chroma = table(&CHROMA, quality);
        let small = raster.size.div_ceil(2);
        for plane in [&mut cb, &mut cr] {
            let mut reduced = resized(plane, small, Resampling::Area);
            self.quantize(&mut reduced, &chroma);
            *plane = resized(&reduced, raster.size, Resampling::Bilinear);
        }
        from_planes(raster, [&y, &cb, &cr]);
    }

    /// Quantizes every block of a plane. Blocks across the edge repeat the last pixel.
    fn quantize(&self, plane: &mut Raster, table: &[[f32; 8]; 8]) {
        let (size, len) = (plane.size, plane.row_len());
        let [left, up] = self.grid.map(|shift| usize::from(shift) % 8);
        let inverse = table.map(|row| row.map(f32::recip));
        for y in (0..size + up).step_by(8) {
            for x in (0..size + left).step_by(8) {
                let mut block = [[0.0f32; 8]; 8];
                let (x, y) = (x as isize - left as isize, y as isize - up as isize);
                let inside = x >= 0 && x as usize + 8 <= size;
                for (k, row) in block.iter_mut().enumerate() {
                    let source = plane.clamped_row(y + k as isize);
                    if inside {
                        row.copy_from_slice(&source[x as usize..x as usize + 8]);
                    } else {
                        *row = std::array::from_fn(|i| {
                            source[(x + i as isize).clamp(0, size as isize - 1) as usize]
                        });
                    }
                }
                quantize_block(&mut block, table, &inverse);
                for (k, row) in block.iter().enumerate() {
                    let y = y + k as isize;
                    if y < 0 || y as usize >= size {
                        continue;
                    }
                    let (from, to) = (x.max(0) as usize, (x + 8).min(size as isize) as usize);
                    let start = y as usize * len;
                    let skipped = (from as isize - x) as usize;
                    plane.data[start + from..start + to]
                        .copy_from_slice(&row[skipped..skipped + to - from]);
                }
            }
        }
    }
}

/// Quantizes a block. The coefficients are transposed, and so are `table` and `inverse`.
fn quantize_block(block: &mut [[f32; 8]; 8], table: &[[f32; 8]; 8], inverse: &[[f32; 8]; 8]) {
    forward(block);
    transpose(block);
    forward(block);
    for ((row, table), inverse) in block.iter_mut().zip(table).zip(inverse) {
        for ((value, step), inverse) in row.iter_mut().zip(table).zip(inverse) {
            // Adding 1.5·2²³ and subtracting it rounds to nearest, without a call.
            let rounded = (*value * inverse + 12_582_912.0) - 12_582_912.0;
            *value = rounded * step;
        }
    }
    backward(block);
    transpose(block);
    backward(block);
}

fn transpose(block: &mut [[f32; 8]; 8]) {
    let from = *block;
    *block = std::array::from_fn(|i| std::array::from_fn(|j| from[j][i]));
}

/// The DCT of all columns. Even and odd coefficients are those of the sums and of the differences
/// of opposite rows.
fn forward(block: &mut [[f32; 8]; 8]) {
    let from = *block;
    for half in 0..2 {
        let sign = if half == 0 { 1.0 } else { -1.0 };
        let folded: [[f32; 8]; 4] =
            std::array::from_fn(|k| std::array::from_fn(|i| from[k][i] + sign * from[7 - k][i]));
        for (weights, row) in DCT[half..]
            .iter()
            .step_by(2)
            .zip(block[half..].iter_mut().step_by(2))
        {
            *row = combined(&folded, [weights[0], weights[1], weights[2], weights[3]]);
        }
    }
}

/// The inverse of [`forward`].
fn backward(block: &mut [[f32; 8]; 8]) {
    let from = *block;
    let even = [from[0], from[2], from[4], from[6]];
    let odd = [from[1], from[3], from[5], from[7]];
    for k in 0..4 {
        let even = combined(&even, [DCT[0][k], DCT[2][k], DCT[4][k], DCT[6][k]]);
        let odd = combined(&odd, [DCT[1][k], DCT[3][k], DCT[5][k], DCT[7][k]]);
        for i in 0..8 {
            block[k][i] = even[i] + odd[i];
            block[7 - k][i] = even[i] - odd[i];
        }
    }
}

fn combined(rows: &[[f32; 8]; 4], weights: [f32; 4]) -> [f32; 8] {
    std::array::from_fn(|i| {
        rows[0][i] * weights[0]
            + rows[1][i] * weights[1]
            + rows[2][i] * weights[2]
            + rows[3][i] * weights[3]
    })
}

/// The orthonormal DCT-II: `DCT[u][x]` = c(u)/2 · cos((2x + 1)·u·π/16), with c(0) = 1/√2 and else 1.
const DCT: [[f32; 8]; 8] = {
    const HALF_COS: [f32; 8] = [
        0.353_553_4,
        0.490_392_6,
        0.461_939_8,
        0.415_734_8,
        0.353_553_4,
        0.277_785_1,
        0.191_341_7,
        0.097_545_16,
    ];
    let mut matrix = [[0.0; 8]; 8];
    let mut u = 0;
    while u < 8 {
        let mut x = 0;
        while x < 8 {
            // cos of a multiple of π/16, from those of the first quarter.
            let phase = ((2 * x + 1) * u) % 32;
            matrix[u][x] = if phase < 8 {
                HALF_COS[phase]
            } else if phase == 8 || phase == 24 {
                0.0
            } else if phase < 16 {
                -HALF_COS[16 - phase]
            } else if phase < 24 {
                -HALF_COS[phase - 16]
            } else {
                HALF_COS[32 - phase]
            };
            if u == 0 {
                matrix[u][x] = HALF_COS[4];
            }
            x += 1;
        }
        u += 1;
    }
    matrix
};

/// The quantization steps for a quality, transposed, for values of which 1 is white.
fn table(base: &[[u8; 8]; 8], quality: f32) -> [[f32; 8]; 8] {
    let percent = if quality < 50.0 {
        5000.0 / quality
    } else {
        200.0 - 2.0 * quality
    };
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let step = (f32::from(base[j][i]) * percent + 50.0) / 100.0;
            step.floor().clamp(1.0, 255.0) / 255.0
        })
    })
}

/// Luma and both color differences, the latter about 0.
fn to_planes(raster: &Raster) -> [Raster; 3] {
    let mut planes = [0, 1, 2].map(|_| Raster::zeros(raster.size, 1));
    let (pixels, _) = raster.data.as_chunks::<3>();
    let [y, cb, cr] = &mut planes;
    let outputs = y.data.iter_mut().zip(&mut cb.data).zip(&mut cr.data);
    for ([r, g, b], ((y, cb), cr)) in pixels.iter().zip(outputs) {
        *y = 0.299 * r + 0.587 * g + 0.114 * b;
        *cb = 0.564_334 * (b - *y);
        *cr = 0.713_267 * (r - *y);
    }
    planes
}

fn from_planes(raster: &mut Raster, [y, cb, cr]: [&Raster; 3]) {
    let (pixels, _) = raster.data.as_chunks_mut::<3>();
    let inputs = y.data.iter().zip(&cb.data).zip(&cr.data);
    for (pixel, ((y, cb), cr)) in pixels.iter_mut().zip(inputs) {
        *pixel = [
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ];
    }
}

/// Table K.1.
const LUMA: [[u8; 8]; 8] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

/// Table K.2.
const CHROMA: [[u8; 8]; 8] = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::gaussian;

    fn scene(size: usize, channels: usize) -> Raster {
        let mut raster = Raster::zeros(size, channels);
        crate::raster::NormalStream::new(4).fill(&mut raster.data);
        gaussian(&mut raster, 2.0);
        let squashed = |v: &f32| (0.5 + 1.2 * v).clamp(0.05, 0.95);
        raster.data = raster.data.iter().map(squashed).collect();
        raster
    }

    fn error(quality: f32, grid: [u8; 2], original: &Raster) -> f32 {
        let mut raster = original.clone();
        Jpeg { quality, grid }.apply(&mut raster);
        let pairs = raster.data.iter().zip(&original.data);
        let squares: f32 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
        (squares / original.data.len() as f32).sqrt()
    }

    #[test]
    fn the_inverse_transform_undoes_the_transform() {
        let mut block = [[0.0; 8]; 8];
        crate::raster::NormalStream::new(1).fill(block.as_flattened_mut());
        let original = block;
        forward(&mut block);
        let energy = |b: &[[f32; 8]; 8]| b.as_flattened().iter().map(|v| v * v).sum::<f32>();
        assert!(
            (energy(&block) / energy(&original) - 1.0).abs() < 1e-4,
            "orthonormal"
        );
        backward(&mut block);
        let pairs = block.as_flattened().iter().zip(original.as_flattened());
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn coefficients_are_those_of_the_formula() {
        for (u, row) in DCT.iter().enumerate() {
            for (x, value) in row.iter().enumerate() {
                let scale: f64 = if u == 0 { 0.125f64.sqrt() } else { 0.5 };
                let angle = ((2 * x + 1) * u) as f64 * std::f64::consts::PI / 16.0;
                assert!(
                    (f64::from(*value) - scale * angle.cos()).abs() < 1e-6,
                    "{u} {x}"
                );
            }
        }
    }

    #[test]
    fn a_lower_quality_loses_more_and_the_highest_almost_nothing() {
        for channels in [1, 3] {
            let original = scene(64, channels);
            let errors = [100.0, 80.0, 40.0, 10.0].map(|q| error(q, [0, 0], &original));
            assert!(
                errors.windows(2).all(|pair| pair[0] < pair[1]),
                "{errors:?}"
            );
            let limit = if channels == 1 { 0.003 } else { 0.03 };
            assert!(errors[0] < limit, "{}", errors[0]);
        }
    }

    #[test]
    fn flat_images_of_any_size_and_grid_stay_flat() {
        for (size, grid) in [(64, [0, 0]), (61, [0, 0]), (24, [3, 7]), (5, [1, 2])] {
            let mut raster = Raster::zeros(size, 3);
            raster.data.fill(0.4);
            Jpeg {
                quality: 30.0,
                grid,
            }
            .apply(&mut raster);
            let first = raster.data[0];
            assert!((first - 0.4).abs() < 0.02);
            assert!(
                raster.data.iter().all(|v| (v - first).abs() < 1e-4),
                "{size}"
            );
        }
    }
}
