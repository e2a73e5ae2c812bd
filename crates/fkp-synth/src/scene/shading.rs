//! The light that the points of a scene's surfaces send to the camera.

use super::placed::Fragment;
use super::{Glass, Scene};
use crate::light::Strands;
use crate::math::{Vec3, add, blend, coverage, dot, normalized, scaled, smoothstep, sub};
use crate::mesh::visibility::{Samples, unhidden};
use crate::paint::hair::Part;
use crate::paint::{self, Material, Ray, Spot};
use crate::params::{Color, Foreground, HairStyle};

/// The opening of an eye at a point of the face.
struct Opening {
    /// Index of the eye.
    eye: usize,
    /// The point, in the eye's own coordinates.
    local: [f32; 2],
    /// How much of the pixel it is, 0 to 1.
    open: f32,
}

impl Scene<'_> {
    /// The look of something close to the camera at a position in pixels.
    pub(super) fn foreground(&self, foreground: &Foreground, at: [f32; 2]) -> (f32, Color) {
        let size = self.size as f32;
        let at = at.map(|c| (c + 0.5) / size - 0.5);
        foreground.look(at, 1.0 / size, &self.noise)
    }

    /// The lens in a pixel.
    pub(super) fn glass(&self, x: usize, y: usize, solid: &Samples) -> Option<Glass> {
        let lenses = self.lenses.as_ref()?;
        let samples = unhidden(lenses.visible.pixel(x, y), solid);
        let (fragment, share) = lenses.placed.fragment(&samples, 0, [x, y])?;
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let (passes, reflected) = lenses
            .lens
            .look(fragment.surface, normal, toward, &self.lights);
        Some(Glass {
            passes,
            reflected,
            share,
            near: fragment.near,
        })
    }

    /// An accessory.
    pub(super) fn shade_worn(&self, index: usize, fragment: &Fragment) -> Color {
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let material = self.solids.painters[index].material(
            fragment.surface,
            self.px(fragment.near),
            &self.noise,
        );
        let shadow = self.shadows.lit(fragment.at, normal);
        let normal = self.tilted(normal, material.slope);
        self.lights.shade(&material, normal, toward, shadow)
    }

    /// Width of a pixel at this nearness, in eye units.
    fn px(&self, near: f32) -> f32 {
        1.0 / (self.placer.projection.px_per_unit * near)
    }

    pub(super) fn shade_head(&self, fragment: &Fragment) -> Color {
        let face = self.face;
        let [x, y, angle] = fragment.surface;
        let px = self.px(fragment.near);
        let toward = normalized(sub(self.camera_at, fragment.at));
        let spot = Spot {
            at: [x, y],
            px,
            ray: Ray {
                at: self.placer.rotation.undo(fragment.at),
                toward_camera: self.placer.rotation.undo(toward),
            },
        };
        let mut shadow = self.shadows.lit(fragment.at, fragment.normal);
        if let Some(fit) = &self.fit {
            shadow *= fit.lets_pass(spot.ray.at, self.lights.key_on_head, face.light.softness);
        }
        let mut material =
            paint::skin::material(&face.skin, self.skin, &self.moles, &self.noise, &spot);
        let is_front = angle.abs() < 1.5 && y < 4.2;
        let opening = is_front
            .then(|| self.paint_features(&mut material, &spot))
            .flatten();
        // The shade of the jaw on the neck, and of hair on the skin beside it.
        if y > 2.6 {
            let under = smoothstep(3.2, 3.8, y) * smoothstep(5.4, 4.0, y);
            material.open *= 1.0 - 0.5 * under;
        }
        if face.hair.style == HairStyle::Grown && y < 3.0 {
            let below = self.hairline.below(x, y);
            material.open *= 1.0 - 0.35 * smoothstep(0.35, 0.0, below);
        }
        paint::cloth::paint(
            &mut material,
            &face.clothes,
            fragment.surface,
            px,
            &self.noise,
        );
        let normal = self.tilted(fragment.normal, material.slope);
        let light = self.lights.shade(&material, normal, toward, shadow);
        match opening {
            Some(Opening { eye, local, open }) => {
                let inside = self.eyeballs[eye].radiance(
                    &self.features.eyes[eye],
                    local,
                    &spot,
                    &self.lights,
                    shadow,
                    &self.noise,
                );
                blend(light, inside, open)
            }
            None => light,
        }
    }

    /// Paints the features on the front of the face, and returns the opening of the eye there.
    fn paint_features(&self, material: &mut Material, spot: &Spot) -> Option<Opening> {
        let Self {
            face,
            features,
            noise,
            skin,
            ..
        } = self;
        let [x, y] = spot.at;
        let (eye, side) = if x < 0.0 { (1, -1.0) } else { (0, 1.0) };
        paint::wrinkles::paint(material, face, features, spot, noise.sign);
        paint::nose::paint(material, &face.nose, *skin, spot);
        let shape = &features.eyes[eye];
        let local = shape.local(side * x, y);
        let mut opening = None;
        if local[0].abs() < 0.95 && local[1].abs() < 0.75 {
            paint::lids::paint(material, face, shape, eye, local, spot, noise);
            let s = local[0] / shape.half_width;
            let edge = (shape.upper_edge(s) - local[1])
                .max(local[1] - shape.lower_edge(s))
                .max((s.abs() - 1.0) * shape.half_width);
            let open = coverage(edge, spot.px);
            opening = (open > 0.0).then_some(Opening { eye, local, open });
        }
        let mouth = &features.mouth;
        paint::mouth::paint(material, face, mouth, *skin, spot, noise);
        let hairs = |by| darker(face.hair.color, by);
        paint::beard::paint(material, face, mouth, hairs(0.8), spot, noise);
        paint::brow::paint(material, &features.brows[eye], hairs(0.6), spot, noise);
        opening
    }

    /// The normal of a surface with a fine relief of this slope along x and y of the face.
    fn tilted(&self, normal: Vec3, slope: [f32; 2]) -> Vec3 {
        if slope == [0.0; 2] {
            return normal;
        }
        let tilt = self.placer.rotation.apply([slope[0], slope[1], 0.0]);
        normalized(sub(normal, tilt))
    }

    pub(super) fn shade_ear(&self, fragment: &Fragment) -> Color {
        let [p, q, _] = fragment.surface;
        let toward = normalized(sub(self.camera_at, fragment.at));
        let normal = facing(fragment.normal, toward);
        let spot = Spot {
            at: [2.3 + p, q],
            px: self.px(fragment.near),
            ray: Ray {
                at: fragment.at,
                toward_camera: toward,
            },
        };
        let mut material =
            paint::skin::material(&self.face.skin, self.skin, &[], &self.noise, &spot);
        material.tint(0.6, [1.0, 0.82, 0.8]);
        let bowl = crate::math::length((p - 0.35) / 0.3, (q - 0.1) / 0.42);
        material.crease(0.55 * smoothstep(1.0, 0.2, bowl));
        material.crease(0.3 * crate::math::ridge(p - 0.78, 0.1) * smoothstep(0.7, 0.2, q));
        material.open *= 0.85;
        material.translucency = (material.translucency * 1.4).min(1.0);
        let shadow = self.shadows.lit(fragment.at, normal);
        self.lights.shade(&material, normal, toward, shadow)
    }

    pub(super) fn shade_hair(&self, part: Part, fragment: &Fragment) -> (f32, Color) {
        let hair = &self.face.hair;
        let px = self.px(fragment.near);
        let look = paint::hair::look(
            hair,
            &self.hairline,
            part,
            fragment.surface,
            px,
            &self.noise,
        );
        if look.opacity <= 0.0 {
            return (0.0, [0.0; 3]);
        }
        let toward = normalized(sub(self.camera_at, fragment.at));
        let inner = part == Part::Curtain && dot(fragment.normal, toward) < 0.0;
        let normal = facing(fragment.normal, toward);
        let down = self.placer.rotation.apply([0.25 * hair.sweep, 1.0, 0.15]);
        let along = sub(down, scaled(normal, dot(down, normal)));
        let tangent = normalized(add(along, scaled(normal, look.tilt * 0.6)));
        let shadow = self.shadows.lit(fragment.at, normal);
        let open = look.open * if inner { 0.35 } else { 1.0 };
        let shadow = if inner { 0.2 * shadow } else { shadow };
        let strands = Strands {
            albedo: look.albedo,
            tangent,
            gloss: hair.gloss,
            open,
        };
        let light = self.lights.on_hair(&strands, normal, toward, shadow);
        (look.opacity, light)
    }
}

fn darker(color: Color, by: f32) -> Color {
    let limit = 0.12;
    color.map(|c| (by * c).min(limit + 0.3 * (by * c - limit).max(0.0)))
}

fn facing(normal: Vec3, toward: Vec3) -> Vec3 {
    if dot(normal, toward) < 0.0 {
        normal.map(|c| -c)
    } else {
        normal
    }
}
