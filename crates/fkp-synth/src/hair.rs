//! Hair on the head: the part of the face under hair, and the outline around the head.

use crate::math::{coverage, mix, smoothstep};
use crate::noise::{Layer, NoiseTexture};
use crate::params::{FaceParams, Hair};

impl Hair {
    /// Approximate signed distance from the hairline on the face: negative under hair.
    pub(crate) fn on_face(&self, [x, y]: [f32; 2], noise: &NoiseTexture) -> f32 {
        let across = x - 0.3 * self.parting;
        let corner = smoothstep(0.25, 0.9, across.abs());
        let line = self.line + self.drop * x * x - self.recede * corner;
        let edge = (0.85 * (y - line)).min(self.curtain_at(y) - x.abs());
        if edge.abs() > 0.35 + self.ragged {
            // Far from the edge, strands have no effect.
            return edge;
        }
        let strands = self.ragged * (noise.at(Layer::Hairline, x * 5.0, 0.5) - 0.5)
            + 0.6 * self.ragged * (noise.at(Layer::Fringe, x * 14.0, y * 0.7) - 0.5);
        edge + strands
    }

    /// |x| beyond which long hair covers the side of the face at height y.
    fn curtain_at(&self, y: f32) -> f32 {
        self.curtain + 0.06 * (y - 0.5) * (y - 0.5)
    }

    /// Signed distance from the outline of the hair that surrounds the head. `outside` is the
    /// distance from the head, (x, y) the nearest point of the head in its frame.
    pub(crate) fn around(&self, outside: f32, [x, y]: [f32; 2], noise: &NoiseTexture) -> f32 {
        if self.volume <= 0.0 || outside > 1.4 * self.volume + 0.1 {
            return f32::INFINITY;
        }
        let end = self.length + 0.25 * (noise.at(Layer::HairEnd, x * 2.0, 0.5) - 0.5);
        let tufts = 0.7 + 0.6 * noise.at(Layer::Tufts, x * 1.7, y * 1.7);
        let here = self.volume * tufts * smoothstep(end + 0.3, end - 0.5, y);
        (outside - here).max(y - end)
    }

    /// Signed distance from long hair that hangs behind neck and shoulders, in the viewer's frame
    /// relative to the center of the head.
    pub(crate) fn behind(&self, half_width: f32, [x, y]: [f32; 2], noise: &NoiseTexture) -> f32 {
        if self.length < 1.0 {
            return f32::INFINITY;
        }
        let wave = 0.16 * (noise.at(Layer::LongHair, 2.5 * x.signum(), y * 1.3) - 0.5);
        let width = half_width + 0.7 * self.volume + wave + 0.05 * y;
        let end = self.length + 0.3 * (noise.at(Layer::LongHairEnd, x * 3.0, 2.5) - 0.5);
        (x.abs() - width).max(y - end).max(-0.2 - y)
    }

    /// Albedo with strands that run down from the parting.
    pub(crate) fn tone_at(&self, [x, y]: [f32; 2], noise: &NoiseTexture) -> f32 {
        let spread = (x - 0.4 * self.parting) / (1.0 + 0.12 * (y + 3.0).max(0.0));
        let strands = 0.6 * noise.at(Layer::Strands, spread * 9.0, y * 0.8)
            + 0.4 * noise.at(Layer::FineStrands, spread * 23.0, y * 1.6);
        self.tone * mix(1.0, 0.35 + 1.3 * strands, self.strands)
    }
}

/// Coverage of a point of the face by hair, and the darkness of the shadow beside the hair.
pub(crate) fn on_face(
    face: &FaceParams,
    noise: &NoiseTexture,
    at: [f32; 2],
    px: f32,
) -> (f32, f32) {
    if face.hair.volume <= 0.0 {
        return (0.0, 0.0);
    }
    let distance = face.hair.on_face(at, noise);
    let soft = px.max(0.06 + 0.6 * face.hair.ragged);
    (
        coverage(distance, soft),
        0.3 * smoothstep(0.3, 0.0, distance),
    )
}
