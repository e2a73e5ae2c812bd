//! Beard, moustache and stubble.

use super::{Material, Spot};
use crate::math::{mix, ridge, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Beard, Color, FaceParams};
use crate::shape::features::MouthShape;

/// Paints hair on the face.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    mouth: &MouthShape,
    color: Color,
    spot: &Spot,
    noise: &NoiseTexture,
) {
    let beard: &Beard = &face.beard;
    let [x, y] = spot.at;
    if beard.is_none() || !(0.2..4.6).contains(&y) {
        return;
    }
    let out = x.abs();
    let wobble = noise.at(Layer::Beard, x * 3.0, y * 3.0) - 0.5;
    // Cheeks and jaw: below a line from the ear to the corner of the mouth.
    let line = mix(2.05, 0.9, smoothstep(0.7, 2.1, out)) + beard.line + 0.25 * wobble;
    let jaw = smoothstep(-0.12, 0.18, y - line) * smoothstep(4.3, 3.7, y);
    let goatee = {
        let (u, v) = (out / 0.78, (y - mouth.bottom - 0.55) / 0.68);
        smoothstep(1.1, 0.7, crate::math::length(u, v) + 0.3 * wobble)
    };
    let cheeks = jaw
        * beard
            .cheeks
            .max(beard.chin * goatee * smoothstep(4.3, 3.7, y));
    // No hair on the lips; below the lower lip only in the middle.
    let s = mouth.across(x);
    let c = mouth.curves(s);
    let off_lips = if s.abs() < 1.0 {
        smoothstep(-0.02, 0.06, (c.top - y).max(y - c.bottom))
    } else {
        1.0
    };
    let beside = smoothstep(0.2, 0.0, y - mouth.bottom)
        * smoothstep(-0.25, 0.0, y - mouth.top)
        * ridge(
            out - mouth.half_width - 0.08 + 0.12 * (y - mouth.bottom),
            0.17,
        );
    // Between nose and upper lip, wider than the mouth.
    let nose_end = face.nose.at[1] + 0.38;
    let above = smoothstep(nose_end - 0.12, nose_end + 0.22, y + 0.3 * wobble);
    let width = mouth.half_width + 0.22;
    let moustache = beard.moustache
        * above
        * smoothstep(1.05 * width, 0.6 * width, out + 0.2 * wobble)
        * smoothstep(c.top + 0.1, c.top - 0.02, y)
        * mix(0.8, 1.0, smoothstep(0.0, 0.1, out));
    let join = beard.cheeks.max(beard.chin).min(beard.moustache) * beside;
    let cover = (cheeks.max(moustache).max(join)) * off_lips;
    if cover <= 0.0 {
        return;
    }
    let fall = y + 0.4 * out;
    let strands = 0.55 * noise.at(Layer::Beard, x * 15.0, fall * 4.0)
        + 0.45 * noise.at(Layer::Strands, x * 29.0, fall * 8.0);
    // Stubble shows the skin between the hairs, a full beard does not.
    let full = cover * beard.length.clamp(0.0, 1.0);
    let opacity =
        (cover * mix(0.55, 1.0, beard.length) * (0.55 + 0.8 * (strands - 0.3) + 0.6 * full))
            .clamp(0.0, 0.92);
    material.paint(opacity, color.map(|c| c * (0.5 + 1.0 * strands)));
    material.gloss *= 1.0 - opacity;
    material.translucency *= 1.0 - 0.7 * opacity;
    material.slope[0] += 0.6 * full * noise.sign * (strands - 0.5);
    material.open *= 1.0 - 0.25 * full * (1.0 - strands);
}
