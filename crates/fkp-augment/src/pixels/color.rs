//! Hue, saturation and gray.

use super::Canvas;
use fkp_core::Channel;

/// Rec. 601, as in OpenCV and Pillow.
pub(super) fn luma(rgb: [f32; 3]) -> f32 {
    0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
}

/// Gray in all three channels; alpha stays. Images without color are left alone.
pub(super) fn gray<T: Channel>(canvas: &mut Canvas<'_, T>) {
    for_rgb(canvas, |rgb| [luma(rgb); 3]);
}

/// HSV with the hue turned and the saturation scaled. Along a hue circle the color is a chroma
/// added to its value's complement, so both act without going through angles for each pixel.
pub(super) fn hue_saturation<T: Channel>(
    canvas: &mut Canvas<'_, T>,
    hue_deg: f64,
    saturation: f64,
) {
    let turn = (hue_deg / 60.0) as f32;
    let saturation = saturation as f32;
    for_rgb(canvas, |[r, g, b]| {
        let value = r.max(g).max(b);
        let chroma = value - r.min(g).min(b);
        if chroma <= 0.0 || value <= 0.0 {
            return [r, g, b];
        }
        // The hue in sixths of the circle.
        let hue = if value == r {
            (g - b) / chroma
        } else if value == g {
            2.0 + (b - r) / chroma
        } else {
            4.0 + (r - g) / chroma
        };
        let hue = (hue + turn).rem_euclid(6.0);
        let chroma = (chroma * saturation).min(value);
        // Smith 1978, in the closed form for the three channels.
        let channel = |n: f32| {
            let k = (n + hue) % 6.0;
            value - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
        };
        [channel(5.0), channel(3.0), channel(1.0)]
    });
}

/// Changes the color of each pixel, in fractions of white.
pub(super) fn for_rgb<T: Channel>(
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
