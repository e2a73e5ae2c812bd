//! Eyebrows.

use super::Material;
use crate::math::{coverage, mix};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Brow, FaceParams};

/// Paints one eyebrow. `side` is 1 for the subject's left, −1 for the right.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    noise: &NoiseTexture,
    brow: &Brow,
    side: f32,
    [x, y]: [f32; 2],
    px: f32,
) {
    let outward = side * x;
    let length = brow.outer[0] - brow.inner[0];
    let t = (outward - brow.inner[0]) / length;
    if !(-0.15..1.15).contains(&t) {
        return;
    }
    let along = t.clamp(0.0, 1.0);
    if (y - brow.inner[1]).abs() > 1.0 {
        return;
    }
    // The arch is highest at two thirds.
    let lift = brow.arch * along * (1.0 - along) * (1.0 + along) * 2.6;
    let middle = mix(brow.inner[1], brow.outer[1], along) - lift;
    // Thick near the rounded inner end, and thin at the outer end.
    let rounded = (1.0 - (1.0 - (along / 0.12).min(1.0)).powi(2))
        .max(0.0)
        .sqrt();
    let taper = mix(1.0, 0.22, along * along);
    let half = brow.thickness * taper * mix(0.35, 1.0, rounded);
    let beyond = (t - 0.5).abs() * length - 0.5 * length;
    let distance = ((y - middle).abs() - half).max(beyond);
    let inside = coverage(distance, px.max(0.045));
    if inside <= 0.0 {
        return;
    }
    let v = y - middle;
    let along = x * 26.0 + side * v * 10.0;
    let hairs = noise.at(Layer::Brow, along, v * 9.0);
    let opacity = inside * brow.density * mix(0.75, 1.0, hairs);
    // Brows are darker than fair hair, with limits.
    let tone = (0.7 * face.hair.tone).clamp(0.03, 0.35);
    material.paint(opacity, tone.min(0.75 * face.skin.tone));
    material.gloss *= 1.0 - opacity;
}
