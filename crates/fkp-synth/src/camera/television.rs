//! Fields and lines of old television.

use crate::raster::Raster;

/// Interlaced fields and visible scan lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Television {
    /// How far every second line is shifted to the right, as a fraction of the side: the movement
    /// between two interlaced fields. Keypoints are those of the mean of both fields.
    pub field_shift: f32,
    /// Depth of dark scan lines, 0 to 1.
    pub scan_lines: f32,
    /// Number of scan lines per side.
    pub lines: f32,
}

impl Television {
    /// Neither fields nor lines.
    pub const NONE: Self = Self {
        field_shift: 0.0,
        scan_lines: 0.0,
        lines: 48.0,
    };

    /// Shifts the lines of the two fields apart, each by half of `field_shift`.
    pub(super) fn interlace(&self, raster: &mut Raster) {
        let shift = 0.5 * self.field_shift * raster.size as f32;
        if shift.abs() < 0.05 {
            return;
        }
        let (len, channels) = (raster.row_len(), raster.channels);
        let margin = shift.abs().ceil() as usize + 1;
        let mut padded = Vec::with_capacity(len + 2 * margin * channels);
        for y in 0..raster.size {
            raster.padded_row(y as isize, margin, &mut padded);
            let shift = if y % 2 == 0 { shift } else { -shift };
            // The pixel that comes to x was at x − shift.
            let position = margin as f32 - shift;
            let (start, t) = (position as usize * channels, position.fract());
            let out = &mut raster.data[y * len..(y + 1) * len];
            let (left, right) = (&padded[start..], &padded[start + channels..]);
            for ((out, left), right) in out.iter_mut().zip(left).zip(right) {
                *out = left + (right - left) * t;
            }
        }
    }

    /// Draws the scan lines.
    pub(super) fn draw_lines(&self, raster: &mut Raster) {
        if self.scan_lines <= 0.0 {
            return;
        }
        let (len, size) = (raster.row_len(), raster.size as f32);
        for (y, row) in raster.data.chunks_exact_mut(len).enumerate() {
            let phase = (y as f32 + 0.5) / size * self.lines;
            let dark = 0.5 - 0.5 * (std::f32::consts::TAU * phase).cos();
            let gain = 1.0 - self.scan_lines * dark;
            row.iter_mut().for_each(|value| *value *= gain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::testing::moments;

    #[test]
    fn fields_move_apart_and_their_mean_stays() {
        let mut raster = Raster::zeros(40, 3);
        for y in 10..12 {
            let start = (y * 40 + 17) * 3;
            raster.data[start..start + 3].fill(1.0);
        }
        let television = Television {
            field_shift: 0.11,
            ..Television::NONE
        };
        television.interlace(&mut raster);
        let [sum, x, y] = moments(&raster);
        assert!((sum - 2.0).abs() < 1e-4);
        assert!(
            (x - 17.0).abs() < 1e-3 && (y - 10.5).abs() < 1e-3,
            "{x} {y}"
        );
        assert_eq!(raster.data[(10 * 40 + 17) * 3], 0.0);
    }

    #[test]
    fn scan_lines_have_the_stated_number_and_depth() {
        let mut raster = Raster::zeros(96, 1);
        raster.data.fill(1.0);
        let television = Television {
            scan_lines: 0.4,
            lines: 12.0,
            ..Television::NONE
        };
        television.draw_lines(&mut raster);
        let column: Vec<f32> = raster.data.iter().step_by(96).copied().collect();
        let minima = column.windows(2).filter(|p| p[0] > 0.8 && p[1] <= 0.8);
        assert_eq!(minima.count(), 12);
        let lowest = column.iter().copied().fold(1.0, f32::min);
        assert!((lowest - 0.6).abs() < 0.02);
    }
}
