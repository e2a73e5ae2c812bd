//! Median filter.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::AugmentError;
use crate::pixels::Canvas;
use crate::range::check_integer;
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Replaces each value by the median of its channel in a square window; edge pixels are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedianBlur {
    /// The window's side is `2·radius + 1` pixels; 1 to 7.
    pub radius_px: usize,
}

/// The parameters are fixed, so the sampled ones are the same.
pub type MedianBlurStep = MedianBlur;

impl Photometric for MedianBlur {
    type Step = MedianBlur;

    fn validate(&self) -> Result<(), AugmentError> {
        check_integer("radius_px", self.radius_px, 1, 7)
    }

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> MedianBlur {
        *self
    }
}

impl PixelStep for MedianBlur {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
        canvas.second.clear();
        canvas.second.extend_from_slice(canvas.data);
        let src = &*canvas.second;
        let side = 2 * self.radius_px + 1;
        let mut window = [0f32; 15 * 15];
        let window = &mut window[..side * side];
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    for (j, row) in window.chunks_exact_mut(side).enumerate() {
                        let y = (y + j).saturating_sub(self.radius_px).min(height - 1);
                        for (i, value) in row.iter_mut().enumerate() {
                            let x = (x + i).saturating_sub(self.radius_px).min(width - 1);
                            *value = src[(y * width + x) * channels + c].to_f32();
                        }
                    }
                    let middle = side * side / 2;
                    let (_, median, _) = window.select_nth_unstable_by(middle, f32::total_cmp);
                    canvas.data[(y * width + x) * channels + c] = T::from_f32(*median);
                }
            }
        }
    }
}
