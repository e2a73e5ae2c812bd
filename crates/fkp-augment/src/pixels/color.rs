//! The luma of a pixel, and a function applied to the color of each pixel.

use super::Canvas;
use fkp_core::Channel;

/// Rec. 601, as in OpenCV and Pillow.
pub(crate) fn luma(rgb: [f32; 3]) -> f32 {
    0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
}

/// Changes the color of each pixel, in fractions of white; alpha stays. Images of fewer than three
/// channels stay as they are.
pub(crate) fn for_rgb<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    change: impl Fn([f32; 3]) -> [f32; 3],
) {
    if canvas.channels < 3 {
        return;
    }
    for pixel in canvas.data.chunks_exact_mut(canvas.channels) {
        let rgb = [0, 1, 2].map(|c| pixel[c].to_f32() / T::WHITE);
        for (channel, value) in pixel.iter_mut().zip(change(rgb)) {
            *channel = T::from_f32(value.clamp(0.0, 1.0) * T::WHITE);
        }
    }
}
