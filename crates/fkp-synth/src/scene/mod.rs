//! A face with everything computed that does not depend on the pixel, and the composition of a pixel.

mod head;
mod labels;
mod parts;
mod placed;
mod shading;

pub(crate) use head::Placement;

use crate::accessories::Fit;
use crate::config::KeypointSet;
use crate::layer::Behind;
use crate::light::Lights;
use crate::math::Vec3;
use crate::mesh::visibility::{NOTHING, Samples, unhidden};
use crate::noise::NoiseTexture;
use crate::paint;
use crate::paint::eye::Eyeball;
use crate::paint::skin::Mole;
use crate::params::{Color, FaceParams};
use crate::shadow::ShadowMap;
use crate::shape::Features;
use crate::shape::hair::Hairline;
use head::{Head, Labels};
use parts::{HairLayer, Lenses, Meshes, Solid, Solids, shadows};
use placed::Placer;

/// A face that is ready to be rendered.
pub(crate) struct Scene<'a> {
    face: &'a FaceParams,
    pub(crate) size: usize,
    features: Features,
    placer: Placer,
    camera_at: Vec3,
    /// The labeled points in the head's frame.
    points: Vec<Vec3>,
    noise: NoiseTexture,
    lights: Lights,
    solids: Solids,
    lenses: Option<Lenses>,
    hair: Vec<HairLayer>,
    hairline: Hairline,
    eyeballs: [Eyeball; 2],
    skin: Color,
    moles: Vec<Mole>,
    shadows: ShadowMap,
    fit: Option<Fit>,
}

/// A layer of hair in a pixel.
#[derive(Debug, Clone, Copy)]
struct Hairs {
    opacity: f32,
    light: Color,
    near: f32,
}

/// The most layers of hair: the curtain, the shell and wisps.
const HAIR_LAYERS: usize = 3;

/// What a lens does to a pixel.
#[derive(Debug, Clone, Copy)]
struct Glass {
    passes: Color,
    reflected: Color,
    share: f32,
    near: f32,
}

impl Glass {
    fn over<B: Behind>(&self, behind: B) -> B {
        behind.through(self.passes, self.reflected, self.share)
    }
}

impl<'a> Scene<'a> {
    /// A face in the crop of its view, for an image of `size × size` pixels.
    pub(crate) fn new(face: &'a FaceParams, size: usize, set: KeypointSet) -> Self {
        Self::build(face, size, Labels::Keypoints(set))
    }

    /// A head at a place in an image of `size × size` pixels, without keypoints.
    pub(crate) fn of_head(face: &'a FaceParams, size: usize, placement: Placement) -> Self {
        Self::build(face, size, Labels::Outline(placement))
    }

    fn build(face: &'a FaceParams, size: usize, labels: Labels) -> Self {
        let head = Head::new(face);
        let (points, projection) = head.labeled(labels, size);
        let placer = Placer::new(&face.pose, projection);
        let noise = NoiseTexture::new(face.texture);
        let meshes = Meshes {
            face,
            surface: &head.surface,
            noise: &noise,
            placer: &placer,
            size,
        };
        let px = 1.0 / projection.px_per_unit;
        let fit = Fit::new(face, &head.surface);
        let solids = meshes.solids(labels.detail(px), fit.as_ref());
        let lenses = fit.as_ref().map(|fit| meshes.lenses(fit));
        let hairline = Hairline::new(&face.hair);
        let hair = meshes.hair(&hairline, px);
        let lights = Lights::new(&face.light, placer.rotation);
        let shadows = shadows(&lights, face.light.softness, &solids, &hair);
        let eyeballs = [(0, 1.0), (1, -1.0)].map(|(index, side)| {
            Eyeball::new(
                &head.surface,
                &head.features.eyes[index],
                &face.eyes[index],
                side,
                face.expression.gaze,
                &face.iris,
            )
        });
        Self {
            face,
            size,
            placer,
            camera_at: head.camera_at,
            features: head.features,
            points,
            noise,
            lights,
            solids,
            lenses,
            hair,
            hairline,
            eyeballs,
            skin: paint::skin::base(&face.skin),
            moles: paint::skin::moles(&face.skin, face.texture),
            shadows,
            fit,
        }
    }

    /// Light of a pixel, composed over the background from back to front.
    pub(crate) fn pixel<B: Behind>(&self, x: usize, y: usize, background: B) -> B {
        let samples = self.solids.visible.pixel(x, y);
        let mut out = background;
        let hairs = self.hairs(x, y, &samples);
        let passes: f32 = hairs.iter().flatten().map(|h| 1.0 - h.opacity).product();
        // Less than a step of an 8-bit image.
        if passes > 1e-3 {
            out = self.solid(x, y, &samples, out);
        }
        let mut glass = self.glass(x, y, &samples);
        for hair in hairs.iter().flatten() {
            if let Some(glass) = glass.take_if(|glass| glass.near < hair.near) {
                out = glass.over(out);
            }
            out = out.under(hair.light, hair.opacity);
        }
        if let Some(glass) = glass {
            out = glass.over(out);
        }
        if let Some(foreground) = &self.face.accessories.foreground {
            let (opacity, albedo) = self.foreground(foreground, [x as f32, y as f32]);
            if opacity > 0.0 {
                let light = self.lights.arriving_from([0.0, -0.2, 1.0]);
                let lit = std::array::from_fn(|i| 0.8 * albedo[i] * light[i].min(1.5));
                out = out.under(lit, opacity);
            }
        }
        out
    }

    /// The opaque parts in a pixel, over what is behind them.
    fn solid<B: Behind>(&self, x: usize, y: usize, samples: &Samples, background: B) -> B {
        let mut covered = 0.0;
        let mut sum: Color = [0.0; 3];
        let mut first = 0;
        for (solid, placed) in &self.solids.parts {
            if covered >= 1.0 || samples.iter().all(|(id, _)| *id == NOTHING) {
                break;
            }
            if let Some((fragment, share)) = placed.fragment(samples, first, [x, y]) {
                let light = match solid {
                    Solid::Head => self.shade_head(&fragment),
                    Solid::Ear => self.shade_ear(&fragment),
                    Solid::Worn(index) => self.shade_worn(*index, &fragment),
                };
                for i in 0..3 {
                    sum[i] += share * light[i];
                }
                covered += share;
            }
            first += placed.count();
        }
        background.beside(sum, covered)
    }

    /// The layers of hair in a pixel that nothing solid hides, from back to front.
    fn hairs(&self, x: usize, y: usize, solid: &Samples) -> [Option<Hairs>; HAIR_LAYERS] {
        let mut out = [None; HAIR_LAYERS];
        for (layer, out) in self.hair.iter().zip(&mut out) {
            let samples = unhidden(layer.visible.pixel(x, y), solid);
            if let Some((fragment, share)) = layer.placed.fragment(&samples, 0, [x, y]) {
                let (opacity, light) = self.shade_hair(layer.part, &fragment);
                *out = Some(Hairs {
                    opacity: opacity * share,
                    light,
                    near: fragment.near,
                });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
