//! Skin: mottling, folds and wrinkles.

use super::Material;
use crate::math::{length, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::FaceParams;

/// Paints the bare skin, before all features.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    noise: &NoiseTexture,
    [x, y]: [f32; 2],
) {
    let skin = &face.skin;
    let coarse = noise.at(Layer::Blotches, x * 2.1, y * 2.1) - 0.5;
    let fine = noise.at(Layer::Freckles, x * 8.0, y * 8.0) - 0.5;
    material.albedo *= 1.0 + skin.mottle * (1.4 * coarse + fine);
    // Rosy cheeks are darker in gray; the forehead is a little lighter.
    let cheek = length(x.abs() - 1.15, 1.2 * (y - 1.05));
    material.albedo *= 1.0 - 0.06 * smoothstep(0.7, 0.0, cheek);

    // From the wing of the nose past the corner of the mouth.
    let mouth = &face.mouth;
    let start = face.nose.at[1] + 0.02;
    let end = mouth.bottom;
    let t = (y - start) / (end - start);
    if (0.0..1.0).contains(&t) {
        let width = mouth.half_width + 0.2;
        let fold = 0.42 * face.nose.width + (width - 0.42) * t * (1.65 - 0.65 * t);
        let distance = (x - mouth.x * t).abs() - fold;
        let smile = ((mouth.half_width - 0.78) / 0.2).clamp(0.0, 1.0);
        let depth = 0.04 + 0.22 * skin.age + 0.16 * smile;
        let ends = smoothstep(0.0, 0.2, t) * smoothstep(1.0, 0.6, t);
        material.crease(depth * ends * smoothstep(0.16, 0.0, distance.abs()));
    }
    if skin.age > 0.25 && y < -0.7 && y > -1.9 {
        let wave = y + 0.05 * (3.0 * x).cos();
        let row = (wave * 4.2).rem_euclid(1.0) - 0.5;
        let ends =
            smoothstep(1.3, 0.6, x.abs()) * smoothstep(-1.9, -1.6, y) * smoothstep(-0.7, -0.9, y);
        material.crease(0.3 * (skin.age - 0.25) * ends * smoothstep(0.2, 0.0, row.abs()));
    }
    if skin.age > 0.35 {
        // Frown lines between the brows.
        let line = (x.abs() - 0.16).abs();
        let ends = smoothstep(-0.75, -0.55, y) * smoothstep(-0.1, -0.3, y);
        material.crease(0.25 * (skin.age - 0.35) * ends * smoothstep(0.06, 0.0, line));
    }
}
