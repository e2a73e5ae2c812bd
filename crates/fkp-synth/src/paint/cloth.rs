//! Neckline and clothes.

use super::Material;
use crate::math::{mix, ridge, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Clothes, Collar};

/// Paints clothes over neck and shoulders. `front` is positive on the front of the body.
pub(crate) fn paint(
    material: &mut Material,
    clothes: &Clothes,
    [x, y, angle]: [f32; 3],
    px: f32,
    noise: &NoiseTexture,
) {
    if y < 3.9 {
        return;
    }
    let out = x.abs();
    let front = smoothstep(1.9, 1.0, angle.abs());
    let soft = px.max(0.05);
    // The neckline is lower in front.
    let line = match clothes.collar {
        Collar::Round => mix(4.7, 5.35, front) - 0.12 * out * front,
        Collar::V => mix(4.6, 6.4 - 1.1 * out, front),
        Collar::High => mix(4.35, 4.5, front),
        Collar::Shirt => mix(4.45, 5.3 - 0.75 * out, front),
        Collar::Suit => mix(4.45, 5.15 - 0.6 * out, front),
        Collar::None => return,
    };
    let inside = smoothstep(-soft, soft, y - line);
    if inside <= 0.0 {
        return;
    }
    let weave = noise.at(Layer::Cloth, x * 9.0, y * 9.0) - 0.5;
    let fold = noise.at(Layer::Cloth, x * 1.3 + noise.sign * y * 0.5, y * 0.8) - 0.5;
    let mut color = clothes.color;
    if clothes.stripes > 0.0 {
        let phase = ((x + 0.3 * y * clothes.slant) * clothes.stripes).rem_euclid(1.0);
        let stripe = smoothstep(0.22, 0.28, (phase - 0.5).abs());
        color = std::array::from_fn(|i| mix(clothes.color[i], clothes.second[i], stripe));
    }
    let mut crease = 0.0;
    if clothes.collar == Collar::Suit {
        // A shirt in the gap between the lapels, and a tie.
        let lapel = 0.2 + 0.42 * (7.4 - y).clamp(0.0, 2.6);
        let shirt = smoothstep(lapel + 0.04, lapel - 0.04, out) * front;
        color = std::array::from_fn(|i| mix(color[i], clothes.second[i], shirt));
        let tie = smoothstep(0.26 + 0.03, 0.22, out - 0.05 * (y - 5.2))
            * front
            * smoothstep(5.0, 5.15, y);
        color = std::array::from_fn(|i| mix(color[i], clothes.tie[i], tie));
        crease += 0.4 * ridge(out - lapel, 0.1) * front + 0.3 * ridge(out - 0.27, 0.06) * shirt;
    }
    if matches!(clothes.collar, Collar::Shirt | Collar::Suit) {
        // Points of the collar.
        let point = y - line;
        crease += 0.35 * ridge(point - 0.62, 0.07) * front * smoothstep(1.7, 1.2, out);
        crease +=
            0.3 * ridge(out, 0.06) * front * f32::from(u8::from(clothes.collar == Collar::Shirt));
    }
    let light = 1.0 + 0.12 * weave + 0.35 * fold;
    material.paint(inside, color.map(|c| c * light));
    material.gloss *= 1.0 - inside;
    material.translucency *= 1.0 - inside;
    material.open *= 1.0 - inside * (crease + 0.25 * (fold.abs()));
    material.slope[0] += 0.8 * inside * noise.sign * fold;
    // The edge stands off and casts a shadow on the neck.
    material.open *= 1.0 - 0.35 * ridge(y - line + 0.04, 0.14) * (1.0 - inside);
}
