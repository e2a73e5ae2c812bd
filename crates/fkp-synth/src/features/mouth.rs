//! The mouth: lips, the opening, teeth.

use super::Material;
use crate::math::{coverage, falloff, length, mix, smoothstep};
use crate::params::{FaceParams, Mouth};

impl Mouth {
    /// Height of the line between the corners at `s` in −1..1 from right to left of the subject.
    fn chord(&self, s: f32) -> f32 {
        mix(self.corners[1], self.corners[0], 0.5 + 0.5 * s)
    }

    /// The corner on a side: 0 for the subject's left, 1 for the right; `[x, y]`.
    pub(crate) fn corner(&self, side: usize) -> [f32; 2] {
        let sign = if side == 0 { 1.0 } else { -1.0 };
        [self.x + sign * self.half_width, self.corners[side]]
    }

    /// Top of the upper lip in the middle, `[x, y]`.
    pub(crate) fn top_center(&self) -> [f32; 2] {
        [self.x, self.top]
    }

    /// Bottom of the lower lip in the middle, `[x, y]`.
    pub(crate) fn bottom_center(&self) -> [f32; 2] {
        [self.x, self.bottom]
    }
}

/// Paints the mouth.
pub(crate) fn paint(material: &mut Material, face: &FaceParams, [x, y]: [f32; 2], px: f32) {
    let mouth = &face.mouth;
    let s = (x - mouth.x) / mouth.half_width;
    if s.abs() > 1.4 || y < mouth.top - 0.4 || y > mouth.bottom + 0.5 {
        return;
    }
    let chord = mouth.chord(s);
    let middle = mouth.chord(0.0);
    let u = (1.0 - s * s).max(0.0);
    let (arc, full) = (u, 0.45 * u + 0.55 * u.sqrt());
    // The upper lip's outline has two peaks beside the notch in the middle.
    let peak = 0.05 * mouth.bow * falloff(((s.abs() - 0.22) / 0.22).powi(2));
    let top = chord + (mouth.top - middle) * (0.7 * arc + 0.3 * u * u) - peak;
    let bottom = chord + (mouth.bottom - middle) * full;
    let inner_top = chord + (mouth.inner_top - middle) * arc;
    let inner_bottom = chord + (mouth.inner_bottom - middle) * arc;
    let beyond = (s.abs() - 1.0) * mouth.half_width;

    let lips = coverage((top - y).max(y - bottom).max(beyond), px.max(0.05));
    let tone = mouth.tone * face.skin.tone;
    // The upper lip faces down and is darker.
    let tone = tone
        * mix(
            0.84,
            1.04,
            smoothstep(inner_top - 0.05, inner_bottom + 0.05, y),
        );
    material.paint(lips, tone);
    material.gloss += 0.12 * lips;
    // The edge of the lower lip casts a soft shadow on the chin.
    let under = y - bottom;
    material.crease(
        0.22 * smoothstep(0.22, 0.04, under)
            * smoothstep(-0.02, 0.04, under)
            * smoothstep(1.0, 0.4, s.abs()),
    );

    let open = coverage((inner_top - y).max(y - inner_bottom).max(beyond), px);
    if open > 0.0 {
        let teeth_end = inner_top + mouth.teeth * smoothstep(1.0, 0.6, s.abs());
        let teeth = coverage(y - teeth_end, px) * smoothstep(0.98, 0.75, s.abs());
        let gaps = 0.12 * smoothstep(0.06, 0.0, ((s * 5.0).rem_euclid(1.0) - 0.5).abs() - 0.44);
        let tongue = 0.1 * smoothstep(inner_bottom - 0.3, inner_bottom, y);
        let inside = mix(0.04 + tongue, 0.8 - gaps - 0.25 * s * s, teeth);
        material.paint(open, inside);
        material.gloss *= 1.0 - open;
        material.open = mix(
            material.open,
            0.9 - 0.3 * smoothstep(0.08, 0.0, y - inner_top),
            open,
        );
    }
    // The line between the lips, fading where the mouth is open.
    let gap = inner_bottom - inner_top;
    let line = ((y - 0.5 * (inner_top + inner_bottom)).abs() - 0.5 * gap - 0.018).max(beyond);
    let rim = coverage(line, px.max(0.04)) * (1.0 - open);
    material.paint(0.75 * rim, 0.16 * face.skin.tone);
    // Dimples at the corners.
    let corner = (s.abs() - 1.0) * mouth.half_width;
    let dimple = length(corner, y - mouth.chord(s.signum()));
    material.crease(0.4 * smoothstep(0.13, 0.0, dimple));
}
