//! The mouth: lips, the opening, teeth and tongue.

use super::{Material, Spot};
use crate::math::{blend, coverage, length, mix, ridge, scaled, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{Color, FaceParams};
use crate::shape::features::MouthShape;

/// How far teeth and tongue lie behind the lips, in eye units.
const TEETH_DEPTH: f32 = 0.16;

/// Paints the mouth.
pub(crate) fn paint(
    material: &mut Material,
    face: &FaceParams,
    mouth: &MouthShape,
    skin: Color,
    spot: &Spot,
    noise: &NoiseTexture,
) {
    let [x, y] = spot.at;
    let s = mouth.across(x);
    if s.abs() > 1.35 || y < mouth.top - 0.4 || y > mouth.bottom + 0.6 {
        return;
    }
    let c = mouth.curves(s);
    let px = spot.px;
    let beyond = (s.abs() - 1.0) * mouth.half_width;
    let ends = smoothstep(1.0, 0.6, s.abs());

    // Lips: redder and darker than the skin, with fine vertical lines; the edge is soft.
    let lips = coverage((c.top - y).max(y - c.bottom).max(beyond), px.max(0.07));
    let red = 0.45 + 0.55 * face.mouth.redness;
    let natural = [
        skin[0] * mix(0.95, 0.78, red),
        skin[1] * mix(0.75, 0.45, red),
        skin[2] * mix(0.8, 0.5, red),
    ];
    let lines = noise.at(Layer::Lips, x * 16.0, y * 1.5) - 0.5;
    let (opacity, stick) = face.mouth.lipstick;
    let color = scaled(blend(natural, stick, opacity), 1.0 + 0.25 * lines);
    material.paint(lips, color);
    material.gloss = mix(
        material.gloss,
        0.35 + 0.3 * material.gloss + 0.4 * opacity,
        lips,
    );
    material.slope[0] += 0.25 * noise.sign * lines * lips;
    // The upper lip faces down, the lower one up; both curve back at the line between them.
    let upper = ((y - c.top) / (c.inner_top - c.top).max(0.02)).clamp(0.0, 1.0);
    let lower = ((y - c.inner_bottom) / (c.bottom - c.inner_bottom).max(0.02)).clamp(0.0, 1.0);
    if y < c.inner_top {
        material.slope[1] += lips * ends * mix(0.35, -0.7, upper);
    } else {
        material.slope[1] += lips * ends * mix(0.9, -0.8, lower);
    }
    // The edge of the upper lip catches the light; under the lower lip is shade.
    let bow = ridge(y - c.top + 0.02, 0.06) * ends;
    material.slope[1] += 0.35 * bow;
    let under = y - c.bottom;
    material.crease(0.3 * ridge(under - 0.1, 0.16) * ends);

    let open = coverage((c.inner_top - y).max(y - c.inner_bottom).max(beyond), px);
    if open > 0.0 {
        let inside = opening(face, mouth, spot);
        material.albedo = blend(material.albedo, inside, open);
        material.gloss = mix(material.gloss, 0.25, open);
        material.slope = material.slope.map(|slope| slope * (1.0 - open));
        material.translucency = mix(material.translucency, 0.3, open);
        let shade = 0.55 * smoothstep(0.1, 0.0, y - c.inner_top) + 0.4 * (1.0 - ends);
        material.open *= 1.0 - open * shade;
    }
    // The line between the lips, fading where the mouth is open.
    let gap = c.inner_bottom - c.inner_top;
    let line = (y - 0.5 * (c.inner_top + c.inner_bottom)).abs() - 0.5 * gap;
    let rim = ridge((line - 0.004).max(0.0).max(beyond), 0.035 + 0.6 * px) * (1.0 - open);
    material.paint(0.7 * rim, scaled(natural, 0.16));
    material.crease(0.4 * rim);
    // Dimples at the corners.
    let dimple = length(beyond, y - mouth.corners[usize::from(s < 0.0)]);
    material.crease(0.45 * ridge(dimple, 0.16));
}

/// Reflectance inside the mouth: teeth, tongue and darkness, displaced by their depth.
fn opening(face: &FaceParams, mouth: &MouthShape, spot: &Spot) -> Color {
    let toward = spot.ray.toward_camera;
    let shift = TEETH_DEPTH / toward[2].max(0.3);
    let (x, y) = (
        spot.at[0] - shift * toward[0],
        spot.at[1] - shift * toward[1],
    );
    let e = &face.expression;
    let drop = crate::shape::features::jaw_drop(e);
    let px = spot.px;
    let rest = face.mouth.at[1];
    let across = (x - mouth.x) / 0.72;
    let arch = (1.0 - across * across).max(0.0);
    let side = smoothstep(1.0, 0.4, across.abs());
    // The upper teeth stay with the head, the lower ones move with the jaw.
    let upper_end = rest + 0.02 - 0.07 * (1.0 - arch);
    let lower_start = rest + 0.07 + 0.9 * drop + 0.05 * (1.0 - arch);
    let upper = coverage((y - upper_end).max(rest - 0.42 - y), px);
    let lower = coverage((lower_start - y).max(y - lower_start - 0.3), px);
    let tooth = (x - mouth.x) / 0.155;
    let gap = (tooth.rem_euclid(1.0) - 0.5).abs() - 0.5;
    let gaps = ridge(gap, 0.09 + 0.6 * px) * 0.5;
    let ivory: Color = [0.66, 0.6, 0.5];
    let teeth = scaled(ivory, (1.0 - gaps) * mix(0.35, 1.0, side));
    let back: Color = [0.035, 0.012, 0.01];
    // The tongue, and more of it when it is shown.
    let tongue_top = lower_start - 0.12 - 0.35 * e.tongue;
    let tongue = smoothstep(
        tongue_top - 0.05,
        tongue_top + 0.12,
        y + 0.25 * across * across,
    );
    let mut color = blend(
        back,
        [0.36, 0.14, 0.13],
        0.8 * tongue * smoothstep(0.9, 0.4, across.abs()),
    );
    color = blend(
        color,
        scaled(teeth, 0.75),
        lower * (1.0 - e.tongue.min(1.0)),
    );
    // Gums above the upper teeth.
    let gums = coverage(y - rest + 0.36, px.max(0.05));
    blend(color, blend(teeth, [0.42, 0.17, 0.16], gums), upper)
}
