//! What a scene is made of: the placed meshes of head, ears, accessories, lenses and hair, which of
//! their triangles each pixel shows, and the shadows that they cast.

use super::placed::{Placed, Placer};
use crate::accessories::{self, Fit, Follow, Painter, Shadow};
use crate::light::Lights;
use crate::math::smoothstep;
use crate::mesh::visibility::Sides;
use crate::mesh::{Mesh, VisibilityBuffer};
use crate::noise::NoiseTexture;
use crate::paint::hair::Part;
use crate::params::{FaceParams, HairStyle, Lens};
use crate::shadow::{LightView, ShadowMap};
use crate::shape::hair::{self, Hairline};
use crate::shape::{Detail, Surface, ear};

/// Makes the meshes of a face, and places them in an image of `size × size` pixels.
#[derive(Clone, Copy)]
pub(super) struct Meshes<'s> {
    pub(super) face: &'s FaceParams,
    pub(super) surface: &'s Surface,
    pub(super) noise: &'s NoiseTexture,
    pub(super) placer: &'s Placer,
    pub(super) size: usize,
}

/// An opaque part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Solid {
    Head,
    Ear,
    /// The accessory with this index.
    Worn(usize),
}

/// The opaque parts.
pub(super) struct Solids {
    /// In the order of their triangle numbers.
    pub(super) parts: Vec<(Solid, Placed)>,
    pub(super) visible: VisibilityBuffer,
    /// The looks of the accessories.
    pub(super) painters: Vec<Box<dyn Painter>>,
    shadows: Vec<Shadow>,
    /// The first triangle number of the accessories.
    pub(super) worn_from: u32,
}

/// Lenses, which let the image behind them through.
#[derive(Debug, Clone)]
pub(super) struct Lenses {
    pub(super) lens: Lens,
    pub(super) placed: Placed,
    pub(super) visible: VisibilityBuffer,
}

/// A layer of hair.
#[derive(Debug, Clone)]
pub(super) struct HairLayer {
    pub(super) part: Part,
    pub(super) placed: Placed,
    pub(super) visible: VisibilityBuffer,
}

impl Meshes<'_> {
    pub(super) fn solids(&self, detail: Detail, fit: Option<&Fit>) -> Solids {
        let Self { face, surface, .. } = *self;
        let on_neck = |y| smoothstep(5.2, 3.6, y);
        let head = self
            .placer
            .place(surface.mesh(detail), |surface, _| on_neck(surface[1]));
        let mut parts = vec![(Solid::Head, head)];
        let ears = !face.accessories.cover_ears();
        if ears && (face.hair.length < 1.0 || face.hair.style == HairStyle::Bald) {
            for side in [1.0, -1.0] {
                let ear = ear::mesh(surface, &face.head, side);
                parts.push((Solid::Ear, self.placer.place_on_head(ear)));
            }
        }
        let worn_from = parts.iter().map(|(_, placed)| placed.count()).sum();
        let (mut painters, mut shadows) = (Vec::new(), Vec::new());
        for item in accessories::items(face, surface, fit, self.noise) {
            let placed = match item.follow {
                Follow::Head => self.placer.place_on_head(item.mesh),
                Follow::Neck => self.placer.place(item.mesh, |_, y| on_neck(y)),
            };
            parts.push((Solid::Worn(painters.len()), placed));
            painters.push(item.painter);
            shadows.push(item.shadow);
        }
        let mut visible = VisibilityBuffer::new(self.size);
        let mut first = 0;
        for (solid, placed) in &parts {
            let sides = match solid {
                Solid::Head => Sides::Front,
                Solid::Ear | Solid::Worn(_) => Sides::Both,
            };
            visible.draw(&placed.screen, &placed.triangles, first, sides);
            first += placed.count();
        }
        Solids {
            parts,
            visible,
            painters,
            shadows,
            worn_from,
        }
    }

    pub(super) fn lenses(&self, fit: &Fit) -> Lenses {
        let placed = self.placer.place_on_head(fit.lenses());
        Lenses {
            lens: fit.glasses.lens,
            visible: self.visible(&placed, Sides::Both),
            placed,
        }
    }

    /// The layers of hair, from back to front. `px` is the width of a pixel in eye units.
    pub(super) fn hair(&self, hairline: &Hairline, px: f32) -> Vec<HairLayer> {
        let Self { face, surface, .. } = *self;
        if face.hair.style != HairStyle::Grown {
            return Vec::new();
        }
        let shell = |lift| hair::shell(surface, &face.hair, hairline, self.noise, lift, px);
        let mut meshes = Vec::new();
        if let Some(curtain) = hair::curtain(surface, &face.hair, self.noise) {
            meshes.push((Part::Curtain, curtain));
        }
        meshes.push((Part::Shell, shell(0.0)));
        // Single hairs are narrower than a pixel of a small image.
        if px < 0.035 {
            let lift = 0.05 + 0.08 * face.hair.curl + 0.1 * face.hair.ragged;
            meshes.push((Part::Wisps, shell(lift)));
        }
        let layers = meshes.into_iter();
        layers
            .map(|(part, mesh)| self.hair_layer(part, mesh))
            .collect()
    }

    fn hair_layer(&self, part: Part, mesh: Mesh) -> HairLayer {
        let placed = self
            .placer
            .place(mesh, |surface, _| smoothstep(7.0, 2.5, surface[1]));
        let sides = match part {
            Part::Curtain => Sides::Both,
            Part::Shell | Part::Wisps => Sides::Front,
        };
        HairLayer {
            part,
            visible: self.visible(&placed, sides),
            placed,
        }
    }

    fn visible(&self, placed: &Placed, sides: Sides) -> VisibilityBuffer {
        let mut visible = VisibilityBuffer::new(self.size);
        visible.draw(&placed.screen, &placed.triangles, 0, sides);
        visible
    }
}

/// The shadows of the key light.
pub(super) fn shadows(
    lights: &Lights,
    softness: f32,
    solids: &Solids,
    hair: &[HairLayer],
) -> ShadowMap {
    let mut from_light = LightView::new(lights.key());
    let mut cast = |placed: &Placed, sides| {
        let positions = placed.vertices.iter().map(|v| v.at);
        from_light.draw(positions, &placed.triangles, sides);
    };
    for (solid, placed) in &solids.parts {
        match solid {
            Solid::Worn(index) if solids.shadows[*index] == Shadow::Cast => {
                cast(placed, Sides::Both);
            }
            Solid::Worn(_) => {}
            Solid::Head | Solid::Ear => cast(placed, Sides::Front),
        }
    }
    for layer in hair.iter().filter(|layer| layer.part != Part::Wisps) {
        cast(&layer.placed, Sides::Front);
    }
    from_light.shadows(softness)
}
