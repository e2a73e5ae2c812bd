//! Eyebrows.

use super::{Material, Spot};
use crate::math::{coverage, mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::Color;
use crate::shape::features::BrowShape;

/// Paints the eyebrow of the side of the point.
pub(crate) fn paint(
    material: &mut Material,
    brow: &BrowShape,
    color: Color,
    spot: &Spot,
    noise: &NoiseTexture,
) {
    let [x, y] = spot.at;
    let side = if x < 0.0 { -1.0 } else { 1.0 };
    let t = brow.along(side * x);
    if !(-0.25..1.2).contains(&t) || (y - brow.inner[1]).abs() > 1.2 {
        return;
    }
    let along = t.clamp(0.0, 1.0);
    let [_, middle] = brow.at(along);
    let width = brow.outer[0] - brow.inner[0];
    // Thick near the inner end, and thin at the outer end.
    let taper = mix(1.0, 0.3, smoothstep(0.35, 1.0, along));
    let start = mix(0.6, 1.0, smoothstep(0.0, 0.25, along));
    let half = brow.thickness * taper * start;
    let beyond = ((t - 0.5).abs() - 0.5).max(0.0) * width;
    let v = (y - middle) / half.max(0.02);
    // Hairs point up at the inner end, outward and down at the outer end.
    let lean = mix(0.9, -0.35, smoothstep(0.0, 0.7, along));
    let across = side * x + lean * (y - middle);
    let stroke = noise.at(Layer::Brow, across * 21.0, y * 5.0 + side * x * 3.0);
    let fine = noise.at(Layer::Brow, across * 43.0, y * 9.0);
    let hairs = 0.6 * stroke + 0.4 * fine;
    // The edge is ragged: hairs end at different lengths.
    let edge = v.abs() + 0.55 * (hairs - 0.5) + beyond * 9.0;
    let inside = smoothstep(1.5, 0.5, edge);
    if inside <= 0.0 {
        return;
    }
    let strokes = smoothstep(0.06, 0.02, spot.px);
    let density = brow.density * mix(0.85, 0.35 + 1.1 * hairs, 0.4 + 0.6 * strokes);
    let front = mix(0.55, 1.0, smoothstep(-0.05, 0.25, along));
    let opacity = (inside * density * front).clamp(0.0, 0.9);
    material.paint(opacity, color.map(|c| c * (0.7 + 0.5 * hairs)));
    material.gloss *= 1.0 - 0.8 * opacity;
    material.slope[1] += 0.3 * coverage((v.abs() - 1.0) * half, 0.1) * v;
}
