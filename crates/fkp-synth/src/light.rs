//! Light on the scene, in the viewer's frame.

use crate::math::{Vec3, add, dot, mix, normalized, scaled, smoothstep};
use crate::paint::Material;
use crate::params::{Color, Light};
use crate::pose::Rotation;

/// The light with everything computed that does not depend on the pixel.
#[derive(Debug, Clone)]
pub(crate) struct Lights {
    /// Direction, color of each lamp; the first is the key light, which casts shadows.
    lamps: Vec<(Vec3, Color)>,
    sky: Color,
    ground: Color,
    /// Direction to the key light in the head's frame.
    pub(crate) key_on_head: Vec3,
    rotation: Rotation,
}

/// Hair at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strands {
    pub(crate) albedo: Color,
    /// Direction along the strands.
    pub(crate) tangent: Vec3,
    /// Strength of the highlights, 0 to 1.
    pub(crate) gloss: f32,
    /// Fraction of the light that arrives between the strands.
    pub(crate) open: f32,
}

/// How much redder light is that has passed through skin.
const WRAP: Color = [0.42, 0.2, 0.13];

impl Lights {
    pub(crate) fn new(light: &Light, rotation: Rotation) -> Self {
        let fills = light.fills.iter().filter(|lamp| lamp.color != [0.0; 3]);
        let lamps: Vec<_> = std::iter::once(&light.key)
            .chain(fills)
            .map(|lamp| (normalized(lamp.toward), lamp.color))
            .collect();
        Self {
            key_on_head: rotation.undo(lamps[0].0),
            lamps,
            sky: light.sky,
            ground: light.ground,
            rotation,
        }
    }

    /// Direction to the key light.
    pub(crate) fn key(&self) -> Vec3 {
        self.lamps[0].0
    }

    /// Ambient light on a surface with this normal: from the sky above, the ground below, and a
    /// little more from the viewer's side.
    fn ambient(&self, normal: Vec3) -> Color {
        let up = 0.5 - 0.5 * normal[1];
        let front = 0.85 + 0.15 * normal[2];
        std::array::from_fn(|i| mix(self.ground[i], self.sky[i], up) * front)
    }

    /// Light that a material sends to the viewer. `shadow` is the fraction of the key light that
    /// arrives.
    pub(crate) fn shade(
        &self,
        material: &Material,
        normal: Vec3,
        toward_camera: Vec3,
        shadow: f32,
    ) -> Color {
        let translucency = material.translucency;
        let ambient = self.ambient(normal);
        let mut light = ambient.map(|c| c * material.open);
        let mut highlight: Color = [0.0; 3];
        // Light in creases is lost from lamps as well, but less.
        let open = 0.45 + 0.55 * material.open;
        let facing_camera = dot(normal, toward_camera).clamp(0.0, 1.0);
        let fresnel = 0.04 + 0.96 * (1.0 - facing_camera).powi(5) * 0.5;
        for (index, (toward, color)) in self.lamps.iter().enumerate() {
            let passes = if index == 0 { shadow } else { 1.0 };
            let cos = dot(normal, *toward);
            for i in 0..3 {
                let wrap = WRAP[i] * translucency;
                let lit = ((cos + wrap) / (1.0 + wrap)).max(0.0);
                // The edge of a shadow on skin is soft and red.
                let through = mix(passes, passes.sqrt(), 0.5 * wrap);
                light[i] += color[i] * lit * lit.sqrt().max(0.6) * through * open;
            }
            if material.gloss > 0.0 && cos > 0.0 {
                let half = normalized(add(*toward, toward_camera));
                let shine = dot(normal, half).max(0.0);
                let broad = power(shine, 3);
                let tight = power(shine, 5);
                let strength = material.gloss * (0.1 * broad + 0.22 * tight) * passes * cos.sqrt();
                let edge = 1.0 + 6.0 * (fresnel - 0.04);
                for i in 0..3 {
                    highlight[i] += color[i] * strength * edge;
                }
            }
        }
        // The surroundings are mirrored at grazing angles.
        let grazing = material.gloss * (fresnel - 0.04) * 0.8 * material.open;
        std::array::from_fn(|i| material.albedo[i] * light[i] + highlight[i] + grazing * ambient[i])
    }

    /// Light on the white of the eye; `normal` is in the head's frame.
    pub(crate) fn on_eye(&self, normal: Vec3, shade: f32, shadow: f32) -> Color {
        let normal = self.rotation.apply(normal);
        let mut light = scaled(self.ambient(normal), shade);
        for (index, (toward, color)) in self.lamps.iter().enumerate() {
            let passes = if index == 0 { shadow } else { 1.0 };
            let lit = ((dot(normal, *toward) + 0.3) / 1.3).max(0.0) * passes * shade;
            for i in 0..3 {
                light[i] += 0.9 * color[i] * lit;
            }
        }
        light
    }

    /// What a wet surface mirrors; normal and direction are in the head's frame.
    pub(crate) fn reflection(&self, normal: Vec3, toward_camera: Vec3, shadow: f32) -> Color {
        let cos = dot(normal, toward_camera);
        let mirrored = self.rotation.apply(std::array::from_fn(|i| {
            2.0 * cos * normal[i] - toward_camera[i]
        }));
        let surroundings = self.ambient([0.0, mirrored[1], 0.0]);
        let mut out = scaled(surroundings, 0.025);
        for (index, (toward, color)) in self.lamps.iter().enumerate() {
            let passes = if index == 0 {
                0.35 + 0.65 * shadow
            } else {
                0.7
            };
            // A window or soft box of about 15°.
            let near = smoothstep(0.955, 0.985, dot(mirrored, *toward));
            for i in 0..3 {
                out[i] += 1.1 * color[i].min(1.5) * near * passes;
            }
        }
        out
    }

    /// Light that arrives from a direction: of the surroundings, and of the lamps as soft boxes.
    pub(crate) fn arriving_from(&self, direction: Vec3) -> Color {
        let mut out = self.ambient([0.0, direction[1], 0.2]);
        for (toward, color) in &self.lamps {
            let near = smoothstep(0.93, 0.98, dot(direction, *toward));
            for i in 0..3 {
                out[i] += 3.0 * color[i].min(1.5) * near;
            }
        }
        out
    }

    /// Light that hair sends to the viewer (Kajiya and Kay, *Rendering Fur with Three Dimensional
    /// Textures*, 1989).
    pub(crate) fn on_hair(
        &self,
        strands: &Strands,
        normal: Vec3,
        toward_camera: Vec3,
        shadow: f32,
    ) -> Color {
        let Strands {
            albedo,
            tangent,
            gloss,
            open,
        } = *strands;
        let ambient = self.ambient(normal);
        let mut out: Color = std::array::from_fn(|i| albedo[i] * ambient[i] * open);
        for (index, (toward, color)) in self.lamps.iter().enumerate() {
            let passes = if index == 0 { shadow } else { 1.0 };
            let facing = smoothstep(-0.35, 0.75, dot(normal, *toward)) * passes * open;
            if facing <= 0.0 {
                continue;
            }
            let along = dot(tangent, *toward);
            let sine = (1.0 - along * along).max(0.0).sqrt();
            let diffuse = 0.35 + 0.65 * sine;
            let across = dot(tangent, normalized(add(*toward, toward_camera)));
            let shine = (1.0 - across * across).max(0.0).sqrt();
            let (broad, tight) = (power(shine, 4), power(shine, 7));
            for i in 0..3 {
                let tinted = 0.3 * broad * (0.06 + albedo[i]) + 0.05 * tight;
                out[i] += color[i] * facing * (albedo[i] * diffuse + gloss * tinted);
            }
        }
        out
    }
}

/// `x` to the power of 2ⁿ.
fn power(x: f32, n: usize) -> f32 {
    (0..n).fold(x, |value, _| value * value)
}
