//! Beard and moustache.

use super::Material;
use crate::math::{mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::FaceParams;

/// Paints hair on the face, before the mouth, so that it does not cover the lips.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    noise: &NoiseTexture,
    [x, y]: [f32; 2],
) {
    let beard = &face.beard;
    if beard.full <= 0.0 && beard.moustache <= 0.0 || y < 0.3 {
        return;
    }
    let mouth = &face.mouth;
    let u = (x - mouth.x).abs();
    // Chin and jaw: below a line from the sideburns past the corners of the mouth.
    let line = mix(mouth.top + 0.05, 0.5, smoothstep(0.9, 2.0, u));
    let below = smoothstep(line - 0.12, line + 0.25, y) * smoothstep(0.55, 0.95, u);
    let chin = smoothstep(mouth.bottom - 0.02, mouth.bottom + 0.2, y);
    let sides =
        smoothstep(mouth.top, mouth.bottom, y) * smoothstep(0.75, 1.0, u / mouth.half_width);
    let full = beard.full * below.max(chin).max(sides);
    // The moustache follows the upper lip down to the corners of the mouth.
    let s = (u / mouth.half_width).min(1.3);
    let edge = mouth.top + 0.02 + 0.16 * s * s;
    let lip = smoothstep(edge + 0.08, edge - 0.06, y)
        * smoothstep(0.34, 0.5 + 0.1 * s, y - face.nose.at[1] - 0.12 * s)
        * smoothstep(1.2, 0.8, s);
    let opacity = full.max(beard.moustache * lip);
    if opacity <= 0.0 {
        return;
    }
    let hairs = noise.at(Layer::Beard, x * 16.0, y * 9.0);
    let opacity = opacity * mix(0.7, 1.0, hairs);
    material.paint(
        opacity,
        (0.85 * face.hair.tone + 0.03).min(0.7 * face.skin.tone),
    );
    material.gloss *= 1.0 - opacity;
}
