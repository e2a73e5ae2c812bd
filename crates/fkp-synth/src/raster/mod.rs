//! Square images of floating-point numbers, and the filters that camera and background share.

mod blur;
mod noise;
mod resize;

pub(crate) use blur::{binomial, gaussian};
pub(crate) use noise::NormalStream;
pub(crate) use resize::{Resampling, resized};

/// A square image of 1 or 3 interleaved channels, `[size, size, channels]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raster {
    pub(crate) size: usize,
    pub(crate) channels: usize,
    pub(crate) data: Vec<f32>,
}

impl Raster {
    /// An image of zeros.
    pub(crate) fn zeros(size: usize, channels: usize) -> Self {
        Self {
            size,
            channels,
            data: vec![0.0; size * size * channels],
        }
    }

    /// Numbers per row.
    pub(crate) fn row_len(&self) -> usize {
        self.size * self.channels
    }

    /// The numbers of row `y`; outside the image, those of the closest row.
    pub(crate) fn clamped_row(&self, y: isize) -> &[f32] {
        let y = y.clamp(0, self.size as isize - 1) as usize;
        let len = self.row_len();
        &self.data[y * len..(y + 1) * len]
    }

    /// Copies row `y`, with `margin` repetitions of its first and last pixel around it.
    pub(crate) fn padded_row(&self, y: isize, margin: usize, padded: &mut Vec<f32>) {
        let (row, channels) = (self.clamped_row(y), self.channels);
        padded.clear();
        for _ in 0..margin {
            padded.extend_from_slice(&row[..channels]);
        }
        padded.extend_from_slice(row);
        for _ in 0..margin {
            padded.extend_from_slice(&row[row.len() - channels..]);
        }
    }
}

/// Adds `weight` times a row to another.
pub(crate) fn accumulate(sum: &mut [f32], row: &[f32], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += weight * value;
    }
}

/// Images with a dot, for tests of filters.
#[cfg(test)]
pub(crate) mod testing {
    use super::Raster;

    /// An image that is 0 except for a value of 1 at (x, y).
    pub(crate) fn dot(size: usize, channels: usize, x: usize, y: usize) -> Raster {
        let mut raster = Raster::zeros(size, channels);
        let start = (y * size + x) * channels;
        raster.data[start..start + channels].fill(1.0);
        raster
    }

    /// Sum and centroid `[sum, x, y]` of the first channel.
    pub(crate) fn moments(raster: &Raster) -> [f32; 3] {
        let mut moments = [0.0; 3];
        for (i, pixel) in raster.data.chunks(raster.channels).enumerate() {
            moments[0] += pixel[0];
            moments[1] += pixel[0] * (i % raster.size) as f32;
            moments[2] += pixel[0] * (i / raster.size) as f32;
        }
        [moments[0], moments[1] / moments[0], moments[2] / moments[0]]
    }
}
