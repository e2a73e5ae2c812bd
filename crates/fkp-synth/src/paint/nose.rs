//! The nose: nostrils and the creases around its wings. Its shape is part of the surface.

use super::{Material, Spot};
use crate::math::{length, mix, ridge, smoothstep};
use crate::params::{Color, Nose};

/// Paints the nose.
pub(crate) fn paint(material: &mut Material, nose: &Nose, skin: Color, spot: &Spot) {
    let [x, y] = spot.at;
    let (dx, dy) = ((x - nose.at[0]).abs(), y - nose.at[1]);
    if dx > 1.0 || !(-0.6..0.8).contains(&dy) {
        return;
    }
    let w = nose.width;
    // Nostrils: slanted ellipses on the underside.
    let (u, v) = (dx - 0.21 * w, dy - 0.245 + 0.3 * (dx - 0.21 * w));
    let r = length(u / (0.125 * w), v / 0.075);
    let soft = 0.25 + 0.6 * (spot.px / 0.1).min(1.0);
    let nostril = smoothstep(1.0 + soft, 1.0 - soft, r);
    material.paint(0.9 * nostril, skin.map(|c| 0.06 * c));
    material.gloss *= 1.0 - nostril;
    material.crease(0.6 * nostril);
    // The crease behind the wing: the part of a ring that faces outward.
    let (u, v) = (dx - 0.3 * w, dy - 0.1);
    let ring = length(u, v * 0.95) - 0.26;
    let outward = smoothstep(0.02, 0.2, u) * smoothstep(0.3, 0.1, v.abs());
    material.crease(0.42 * outward * ridge(ring, 0.07 + 0.5 * spot.px));
    // Shade under the tip, between nose and lip.
    let under = length(dx / (0.5 * w), (dy - 0.36) / 0.13);
    material.crease(mix(0.0, 0.3, smoothstep(1.0, 0.2, under)));
}
