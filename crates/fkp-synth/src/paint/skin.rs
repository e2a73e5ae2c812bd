//! Bare skin: its color, where the face is redder or paler, blotches, freckles and moles.

use super::{Material, Spot};
use crate::math::{coverage, falloff, hash, mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, Skin, Texture};

/// Reflectance by melanin, from very light to very dark, in linear RGB.
const TONES: [Color; 5] = [
    [0.80, 0.59, 0.49],
    [0.66, 0.43, 0.32],
    [0.46, 0.27, 0.175],
    [0.25, 0.135, 0.082],
    [0.10, 0.056, 0.037],
];

/// Reflectance of skin without variation.
pub(crate) fn base(skin: &Skin) -> Color {
    let level = skin.melanin.clamp(0.0, 1.0) * (TONES.len() - 1) as f32;
    let index = (level as usize).min(TONES.len() - 2);
    let t = level - index as f32;
    let (red, yellow) = (skin.redness - 0.4, skin.undertone);
    let by = [
        1.0 + 0.05 * red,
        1.0 - 0.16 * red - 0.02 * yellow,
        1.0 - 0.14 * red - 0.12 * yellow,
    ];
    std::array::from_fn(|i| mix(TONES[index][i], TONES[index + 1][i], t) * by[i])
}

/// A mole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mole {
    at: [f32; 2],
    radius: f32,
}

/// Where the moles are.
pub(crate) fn moles(skin: &Skin, texture: Texture) -> Vec<Mole> {
    let unit = |index: u32| (hash(index, texture.seed ^ 0x51ab) >> 8) as f32 / (1 << 24) as f32;
    let sign = if texture.mirrored { -1.0 } else { 1.0 };
    (0..u32::from(skin.moles))
        .map(|mole| Mole {
            at: [
                sign * mix(-1.8, 1.8, unit(3 * mole)),
                mix(-1.4, 3.2, unit(3 * mole + 1)),
            ],
            radius: mix(0.02, 0.05, unit(3 * mole + 2)),
        })
        .collect()
}

/// The material of bare skin.
pub(crate) fn material(
    skin: &Skin,
    base: Color,
    moles: &[Mole],
    noise: &NoiseTexture,
    spot: &Spot,
) -> Material {
    let [x, y] = spot.at;
    let side = x.abs();
    let mut material = Material {
        albedo: base,
        open: 1.0,
        gloss: skin.gloss,
        translucency: 1.0 - 0.45 * skin.melanin,
        slope: [0.0; 2],
    };
    let coarse = noise.at(Layer::Blotches, x * 1.7, y * 1.7) - 0.5;
    let middle = noise.at(Layer::Freckles, x * 5.0, y * 5.0) - 0.5;
    let even = 1.0 + skin.mottle * (1.1 * coarse + 0.8 * middle);
    material.albedo = material.albedo.map(|c| c * even);
    if y < 4.0 {
        // Cheeks, nose, chin and ears hold more blood; the forehead is paler and more yellow.
        let spot_at = |cx: f32, cy: f32, rx: f32, ry: f32| {
            let (u, v) = ((side - cx) / rx, (y - cy) / ry);
            falloff(u * u + v * v)
        };
        let red = 0.8 * spot_at(1.15, 1.0, 0.9, 0.8)
            + 0.6 * spot_at(0.0, 1.25, 0.6, 0.5)
            + 0.35 * spot_at(0.0, 3.1, 0.8, 0.6);
        let blood = (red * (0.6 + 1.2 * coarse)).max(0.0) * (0.35 + skin.redness);
        material.tint(blood * (1.0 - 0.6 * skin.melanin), [1.0, 0.76, 0.76]);
        material.tint(
            skin.rouge * spot_at(1.35, 0.95, 0.7, 0.5),
            [1.0, 0.62, 0.66],
        );
        let around_eyes = spot_at(1.0, 0.15, 0.85, 0.6);
        material.tint(0.5 * around_eyes, [0.86, 0.78, 0.8]);
        // Forehead, nose and chin shine more than the cheeks.
        let shine = spot_at(0.0, -1.0, 1.5, 0.9)
            + spot_at(0.0, 0.9, 0.45, 1.2)
            + spot_at(0.0, 3.1, 0.5, 0.4);
        material.gloss *= 0.55 + 0.75 * shine + 0.4 * middle;
        if skin.freckles > 0.0 {
            let grain = noise.at(Layer::Pores, x * 11.0, y * 11.0);
            let where_sun = spot_at(0.0, 0.9, 2.2, 1.3);
            let freckle = smoothstep(0.72, 0.86, grain) * skin.freckles * where_sun;
            material.tint(freckle, [0.72, 0.58, 0.5]);
        }
        for mole in moles {
            let r = crate::math::length(x - mole.at[0], y - mole.at[1]) - mole.radius;
            material.tint(0.75 * coverage(r, spot.px.max(0.02)), [0.35, 0.25, 0.22]);
        }
    }
    if spot.px < 0.035 {
        // Pores, where the image is large enough to show them.
        let pore = noise.at(Layer::Pores, x * 23.0, y * 23.0) - 0.5;
        let fine = smoothstep(0.035, 0.015, spot.px);
        material.albedo = material.albedo.map(|c| c * (1.0 + 0.07 * fine * pore));
        material.slope[0] += 0.14 * fine * noise.sign * pore;
        material.slope[1] += 0.14 * fine * (noise.at(Layer::Lips, x * 19.0, y * 21.0) - 0.5);
    }
    material
}
