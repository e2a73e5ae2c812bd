//! The median of a square window.

use super::Canvas;
use fkp_core::Channel;

/// Replaces each number by the median of its channel in a window of side `2·radius + 1`; the
/// image's edge pixels are repeated.
pub(super) fn median<T: Channel>(canvas: &mut Canvas<'_, T>, radius: usize) {
    let (width, height, channels) = (canvas.width, canvas.height, canvas.channels);
    canvas.spare.clear();
    canvas.spare.extend_from_slice(canvas.data);
    let src = &*canvas.spare;
    let side = 2 * radius + 1;
    let mut window = [0f32; 15 * 15];
    let window = &mut window[..side * side];
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                for (j, row) in window.chunks_exact_mut(side).enumerate() {
                    let y = (y + j).saturating_sub(radius).min(height - 1);
                    for (i, value) in row.iter_mut().enumerate() {
                        let x = (x + i).saturating_sub(radius).min(width - 1);
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
