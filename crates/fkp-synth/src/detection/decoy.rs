//! Objects that are not faces but resemble them: round, of the color of skin, or with two dark spots.

use super::composition::Composition;
use crate::distributions::Sampler;
use crate::layer::{Behind, Layer};
use crate::light::Lights;
use crate::math::{coverage, length, normalized};
use crate::paint::{Material, skin};
use crate::params::{Color, Skin};
use std::f32::consts::TAU;

/// An object made of simple shapes.
#[derive(Debug, Clone)]
pub(super) struct Decoy {
    /// Its middle, in pixels.
    pub(super) at: [f32; 2],
    /// About half its height, in pixels.
    pub(super) radius: f32,
    /// Rotation in the image, clockwise.
    angle: f32,
    /// From the farthest to the nearest.
    parts: Vec<Part>,
}

/// One shape. Lengths are in radii of the object, y down.
#[derive(Debug, Clone, Copy)]
struct Part {
    shape: Shape,
    color: Color,
    relief: Relief,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Oval {
        at: [f32; 2],
        radii: [f32; 2],
    },
    /// A line with rounded ends.
    Bar {
        from: [f32; 2],
        to: [f32; 2],
        half: f32,
    },
}

/// Which surface a part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relief {
    /// A flat one.
    Flat,
    /// A round one.
    Round,
    /// That of a ball of radius 1 in the middle of the object.
    OnBall,
}

/// How far the parts go beyond the radius.
const EXTENT: f32 = 1.45;

impl Part {
    fn oval(at: [f32; 2], radii: [f32; 2], color: Color, relief: Relief) -> Self {
        Self {
            shape: Shape::Oval { at, radii },
            color,
            relief,
        }
    }

    fn bar(from: [f32; 2], to: [f32; 2], half: f32, color: Color, relief: Relief) -> Self {
        Self {
            shape: Shape::Bar { from, to, half },
            color,
            relief,
        }
    }

    /// Signed distance from the edge, and the position within the shape, 1 at its edge.
    fn place(&self, [x, y]: [f32; 2]) -> (f32, [f32; 2]) {
        match self.shape {
            Shape::Oval { at, radii } => {
                let [u, v] = [(x - at[0]) / radii[0], (y - at[1]) / radii[1]];
                ((length(u, v) - 1.0) * radii[0].min(radii[1]), [u, v])
            }
            Shape::Bar { from, to, half } => {
                let along = [to[0] - from[0], to[1] - from[1]];
                let off = [x - from[0], y - from[1]];
                let squared = (along[0] * along[0] + along[1] * along[1]).max(1e-9);
                let t = (off[0] * along[0] + off[1] * along[1]) / squared;
                let t = t.clamp(0.0, 1.0);
                let [dx, dy] = [off[0] - t * along[0], off[1] - t * along[1]];
                (length(dx, dy) - half, [dx / half, dy / half])
            }
        }
    }
}

impl Decoy {
    /// A random object. `skin` is that of somebody, of which another tone is sampled.
    pub(super) fn sample(sampler: &mut Sampler, at: [f32; 2], radius: f32, skin: &Skin) -> Self {
        let tone = skin::base(&Skin {
            melanin: sampler.unit_uniform(),
            ..*skin
        });
        let dye = |sampler: &mut Sampler| -> Color {
            let bright = 0.03 + 0.7 * sampler.unit_uniform().powi(2);
            [(); 3].map(|()| bright * sampler.uniform(0.4, 1.5))
        };
        let colors = [dye(sampler), dye(sampler)];
        let kinds: [Kind; 11] = [
            ball, hand, limb, lump, mannequin, animal, drawing, clock, flower, rings, fruit,
        ];
        let kind = kinds[(sampler.unit_uniform() * kinds.len() as f32) as usize % kinds.len()];
        Self {
            at,
            radius,
            angle: sampler.triangular(0.9),
            parts: kind(sampler, tone, colors),
        }
    }

    /// Composes the object behind all before.
    pub(super) fn paint(&self, composition: &mut Composition, lights: &Lights) {
        let size = composition.size;
        let extent = EXTENT * self.radius;
        let range = |middle: f32| {
            let end = (middle + extent + 1.0).clamp(0.0, size as f32) as usize;
            (middle - extent).clamp(0.0, size as f32) as usize..end
        };
        let (sin, cos) = self.angle.sin_cos();
        for y in range(self.at[1]) {
            for x in range(self.at[0]) {
                if composition.is_hidden([x, y]) {
                    continue;
                }
                let off = [x as f32 - self.at[0], y as f32 - self.at[1]].map(|c| c / self.radius);
                let local = [cos * off[0] + sin * off[1], cos * off[1] - sin * off[0]];
                let layer = self.pixel(local, [sin, cos], lights);
                if layer != Layer::CLEAR {
                    composition.add([x, y], layer);
                }
            }
        }
    }

    fn pixel(&self, at: [f32; 2], [sin, cos]: [f32; 2], lights: &Lights) -> Layer {
        let px = 1.0 / self.radius;
        let mut layer = Layer::CLEAR;
        for part in &self.parts {
            let (distance, within) = part.place(at);
            let cover = coverage(distance, px);
            if cover <= 0.0 {
                continue;
            }
            let [u, v] = match part.relief {
                Relief::Flat => [0.0; 2],
                Relief::Round => within,
                Relief::OnBall => at,
            };
            let height = (1.0 - u * u - v * v).max(0.02).sqrt();
            let normal = normalized([cos * u - sin * v, sin * u + cos * v, height]);
            let material = Material {
                albedo: part.color,
                open: 0.95,
                gloss: if part.relief == Relief::Flat {
                    0.0
                } else {
                    0.3
                },
                translucency: 0.2,
                slope: [0.0; 2],
            };
            layer = layer.under(lights.shade(&material, normal, [0.0, 0.0, 1.0], 1.0), cover);
        }
        layer
    }
}

/// The parts of a kind of object, with a color of skin and two others.
type Kind = fn(&mut Sampler, Color, [Color; 2]) -> Vec<Part>;

fn ball(sampler: &mut Sampler, _: Color, [color, second]: [Color; 2]) -> Vec<Part> {
    let mut parts = vec![Part::oval([0.0; 2], [1.0; 2], color, Relief::Round)];
    for _ in 0..3 {
        let from = [(); 2].map(|()| sampler.uniform(-0.6, 0.6));
        let to = [(); 2].map(|()| sampler.uniform(-0.6, 0.6));
        let half = sampler.uniform(0.03, 0.2);
        parts.push(Part::bar(from, to, half, second, Relief::OnBall));
    }
    parts
}

fn fruit(sampler: &mut Sampler, tone: Color, [color, second]: [Color; 2]) -> Vec<Part> {
    let color = if sampler.bernoulli(0.5) { tone } else { color };
    let width = sampler.uniform(0.7, 1.0);
    vec![
        Part::bar([0.0, -0.8], [0.1, -1.2], 0.05, second, Relief::Round),
        Part::oval([0.0; 2], [width, 1.0], color, Relief::Round),
    ]
}

fn hand(sampler: &mut Sampler, tone: Color, [sleeve, _]: [Color; 2]) -> Vec<Part> {
    let round = Relief::Round;
    let mut parts = vec![
        Part::bar([0.0, 0.5], [0.0, 1.1], 0.3, tone, round),
        Part::bar([0.0, 1.1], [0.0, 1.4], 0.36, sleeve, round),
        Part::oval([0.0, 0.25], [0.5, 0.55], tone, round),
    ];
    let spread = sampler.uniform(0.05, 0.3);
    let folded = sampler.uniform(0.3, 1.0);
    for finger in 0..4 {
        let across = finger as f32 - 1.5;
        let tip = -0.2 - 0.75 * folded * (1.0 - 0.08 * across * across);
        let [from, to] = [[0.26 * across, -0.1], [(0.26 + spread) * across, tip]];
        parts.push(Part::bar(from, to, 0.13, tone, round));
    }
    parts.push(Part::bar([0.4, 0.35], [0.85, -0.15], 0.14, tone, round));
    parts
}

fn limb(sampler: &mut Sampler, tone: Color, [sleeve, _]: [Color; 2]) -> Vec<Part> {
    let half = sampler.uniform(0.18, 0.4);
    let joint = [sampler.uniform(-0.3, 0.3), 0.0];
    vec![
        Part::bar([0.0, -0.9], joint, half, tone, Relief::Round),
        Part::bar(joint, [0.0, 0.9], 0.9 * half, tone, Relief::Round),
        Part::bar([0.0, 0.6], [0.0, 1.1], 1.1 * half, sleeve, Relief::Round),
    ]
}

/// Irregular, as an elbow, a knee or a belly.
fn lump(sampler: &mut Sampler, tone: Color, _: [Color; 2]) -> Vec<Part> {
    let mut part = || {
        let at = [(); 2].map(|()| sampler.uniform(-0.4, 0.4));
        let radii = [(); 2].map(|()| sampler.uniform(0.4, 0.8));
        let shade = sampler.uniform(0.8, 1.1);
        Part::oval(at, radii, tone.map(|c| c * shade), Relief::Round)
    };
    (0..4).map(|_| part()).collect()
}

/// A head without a face.
fn mannequin(sampler: &mut Sampler, tone: Color, [color, clothes]: [Color; 2]) -> Vec<Part> {
    let tone = if sampler.bernoulli(0.6) { tone } else { color };
    let hair = [0.1, 0.06, 0.04].map(|c| c * sampler.uniform(0.2, 2.5));
    let mut parts = vec![
        Part::bar([0.0, 0.6], [0.0, 1.1], 0.28, tone, Relief::Round),
        Part::bar([-0.7, 1.3], [0.7, 1.3], 0.3, clothes, Relief::Round),
        Part::oval([0.0, -0.05], [0.68, 0.88], tone, Relief::Round),
    ];
    if sampler.bernoulli(0.5) {
        parts.push(Part::oval([0.0, -0.6], [0.66, 0.42], hair, Relief::Round));
    }
    parts
}

/// The head of an animal or of a stuffed one.
fn animal(sampler: &mut Sampler, _: Color, [fur, second]: [Color; 2]) -> Vec<Part> {
    let round = Relief::Round;
    let (ear, up) = (sampler.uniform(0.15, 0.4), sampler.uniform(0.2, 0.6));
    let (apart, eye) = (sampler.uniform(0.25, 0.5), sampler.uniform(0.06, 0.14));
    let muzzle = sampler.uniform(0.25, 0.5);
    let dark = [0.015; 3];
    let mut parts = Vec::new();
    for side in [-1.0, 1.0] {
        let at = [0.7 * side, -0.75];
        parts.push(Part::oval(at, [ear, up], fur.map(|c| 0.8 * c), round));
    }
    parts.push(Part::oval([0.0; 2], [0.9, 0.85], fur, round));
    parts.push(Part::oval(
        [0.0, 0.4],
        [muzzle, 0.8 * muzzle],
        second,
        round,
    ));
    parts.push(Part::oval([0.0, 0.25], [0.14, 0.1], dark, round));
    for side in [-1.0, 1.0] {
        let at = [apart * side, -0.15];
        parts.push(Part::oval(at, [eye; 2], dark, round));
    }
    parts
}

/// A drawn face, as on a sign or a shirt.
fn drawing(sampler: &mut Sampler, _: Color, [paper, ink]: [Color; 2]) -> Vec<Part> {
    let flat = Relief::Flat;
    let line = sampler.uniform(0.04, 0.1);
    let inside = [1.0 - 2.0 * line; 2];
    let mut parts = vec![
        Part::oval([0.0; 2], [1.0; 2], ink, flat),
        Part::oval([0.0; 2], inside, paper, flat),
    ];
    for side in [-1.0, 1.0] {
        let at = [0.36 * side, -0.3];
        parts.push(Part::oval(at, [1.2 * line, 1.8 * line], ink, flat));
    }
    let curve = sampler.uniform(-0.3, 0.5);
    let mouth = |t: f32| [0.5 * t, 0.3 + curve * (1.0 - t * t)];
    for step in 0..6 {
        let t = step as f32 / 3.0 - 1.0;
        let to = mouth(t + 1.0 / 3.0);
        parts.push(Part::bar(mouth(t), to, 0.7 * line, ink, flat));
    }
    parts
}

fn clock(sampler: &mut Sampler, _: Color, [rim, plate]: [Color; 2]) -> Vec<Part> {
    let flat = Relief::Flat;
    let mut parts = vec![
        Part::oval([0.0; 2], [1.0; 2], rim, Relief::Round),
        Part::oval([0.0; 2], [0.86; 2], plate, flat),
    ];
    let on = |angle: f32, radius: f32| [radius * angle.sin(), -radius * angle.cos()];
    for hour in 0..12 {
        let angle = TAU * hour as f32 / 12.0;
        parts.push(Part::bar(on(angle, 0.7), on(angle, 0.78), 0.03, rim, flat));
    }
    for length in [0.45, 0.65] {
        let angle = sampler.uniform(0.0, TAU);
        parts.push(Part::bar([0.0; 2], on(angle, length), 0.04, rim, flat));
    }
    parts
}

fn flower(sampler: &mut Sampler, _: Color, [petal, middle]: [Color; 2]) -> Vec<Part> {
    let count = 5 + (4.0 * sampler.unit_uniform()) as usize;
    let mut parts = Vec::with_capacity(count + 2);
    parts.push(Part::bar(
        [0.0; 2],
        [0.0, 1.4],
        0.06,
        [0.08, 0.2, 0.04],
        Relief::Round,
    ));
    for index in 0..count {
        let (sin, cos) = (TAU * index as f32 / count as f32).sin_cos();
        let at = [0.6 * sin, 0.6 * cos];
        parts.push(Part::oval(at, [0.36; 2], petal, Relief::Round));
    }
    parts.push(Part::oval([0.0; 2], [0.35; 2], middle, Relief::Round));
    parts
}

/// A plate, a wheel or a target.
fn rings(sampler: &mut Sampler, _: Color, colors: [Color; 2]) -> Vec<Part> {
    let step = sampler.uniform(0.12, 0.4);
    let squeezed = sampler.uniform(0.5, 1.0);
    let radii = (0..6).map(|ring| 1.0 - step * ring as f32);
    let part = |(ring, radius): (usize, f32)| {
        let color = colors[ring % 2];
        Part::oval([0.0; 2], [squeezed * radius, radius], color, Relief::Flat)
    };
    let radii = radii.take_while(|radius| *radius > 0.05);
    radii.enumerate().map(part).collect()
}
