//! The nose: nostrils and the creases around its wings. Its shape is part of the head's surface.

use super::Material;
use crate::math::{length, smoothstep};
use crate::params::FaceParams;

/// Paints the nose.
pub(crate) fn paint(material: &mut Material, face: &FaceParams, [x, y]: [f32; 2]) {
    let nose = &face.nose;
    let (dx, dy) = ((x - nose.at[0]).abs(), y - nose.at[1]);
    if dx > 1.0 || !(-1.4..0.8).contains(&dy) {
        return;
    }
    let w = nose.width;
    // Nostrils: dark, soft, slanted ellipses.
    let (u, v) = (dx - 0.2 * w, dy - 0.25 + 0.25 * (dx - 0.2 * w));
    let r = length(u / (0.13 * w), v / 0.075);
    let nostril = smoothstep(1.25, 0.55, r);
    material.paint(0.8 * nostril, 0.2 * face.skin.tone);
    material.crease(0.35 * nostril);
    // Crease around the wing: the part of a ring that faces outward.
    let (u, v) = (dx - 0.3 * w, dy - 0.12);
    let ring = (length(u, v) - 0.22).abs();
    material.crease(0.34 * smoothstep(0.07, 0.0, ring) * smoothstep(0.05, 0.2, u));
    // Shade under the tip, and sides of the bridge.
    let under = length(dx / 0.4, (dy - 0.36) / 0.13);
    material.crease(0.3 * smoothstep(1.0, 0.2, under));
    let flank = (dx - 0.24).abs();
    material.crease(
        0.1 * nose.bridge
            * smoothstep(0.16, 0.0, flank)
            * smoothstep(-1.3, -0.9, dy)
            * smoothstep(0.0, -0.4, dy),
    );
}
