//! What is worn on the face, held to it or in front of it.
//!
//! Each accessory is a file with its parameters, its mesh and its material. Opaque ones become
//! [`Item`]s, which the scene draws like the head; lenses and things close to the camera let the
//! image behind them through. A face without accessories computes nothing here.

mod drape;
mod fabric;
mod foreground;
mod glasses;
mod hand;
mod hat;
mod lens;
mod mask;
mod object;
mod scarf;
mod veil;

pub use fabric::{Fabric, Pattern};
pub use foreground::{Foreground, ForegroundShape};
pub use glasses::{Glasses, GlassesShape};
pub use hand::{Hand, Wrist};
pub use hat::{Hat, HatKind};
pub use lens::Lens;
pub use mask::{Mask, MaskKind};
pub use object::{Object, ObjectKind};
pub use scarf::{Scarf, ScarfKind};

pub(crate) use glasses::Fit;

use crate::mesh::Mesh;
use crate::noise::NoiseTexture;
use crate::paint::Material;
use crate::params::{FaceParams, Hair, HairStyle};
use crate::shape::Surface;
use std::borrow::Cow;

/// Everything that may cover parts of a face; `None` where it is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Accessories {
    /// Glasses or sunglasses.
    pub glasses: Option<Glasses>,
    /// A mask over nose and mouth.
    pub mask: Option<Mask>,
    /// Something on the head.
    pub hat: Option<Hat>,
    /// Something around the neck.
    pub scarf: Option<Scarf>,
    /// A hand at or in front of the face.
    pub hand: Option<Hand>,
    /// Something held or worn at the face.
    pub object: Option<Object>,
    /// Something close to the camera, out of focus.
    pub foreground: Option<Foreground>,
}

impl Accessories {
    /// The accessories of the mirrored face.
    pub(crate) fn mirrored(&self) -> Self {
        Self {
            glasses: self.glasses.map(|glasses| glasses.mirrored()),
            mask: self.mask,
            hat: self.hat.map(|hat| hat.mirrored()),
            scarf: self.scarf,
            hand: self.hand.map(|hand| hand.mirrored()),
            object: self.object.map(|object| object.mirrored()),
            foreground: self.foreground.map(|foreground| foreground.mirrored()),
        }
    }

    /// Whether the ears are under something.
    pub(crate) fn cover_ears(&self) -> bool {
        self.hat.is_some_and(|hat| hat.covers_ears())
    }
}

/// The face with the hair as it is under a hat.
pub(crate) fn dressed(face: &FaceParams) -> Cow<'_, FaceParams> {
    let Some(hat) = face.accessories.hat else {
        return Cow::Borrowed(face);
    };
    let mut face = face.clone();
    hat.press(&mut face.hair);
    Cow::Owned(face)
}

/// What the points of an item look like.
pub(crate) trait Painter: Send + Sync {
    /// The material at a point with these surface coordinates; `px` is the width of a pixel.
    fn material(&self, at: [f32; 3], px: f32, noise: &NoiseTexture) -> Material;
}

/// What an item moves with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// The head.
    Head,
    /// The head at the top, the body at the bottom, as the neck does.
    Neck,
}

/// Whether an item is drawn into the shadow map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shadow {
    Cast,
    None,
}

/// An opaque accessory in the head's frame.
pub(crate) struct Item {
    pub(crate) mesh: Mesh,
    pub(crate) follow: Follow,
    pub(crate) shadow: Shadow,
    pub(crate) painter: Box<dyn Painter>,
}

impl Item {
    fn on_head(mesh: Mesh, painter: impl Painter + 'static) -> Self {
        Self {
            mesh,
            follow: Follow::Head,
            shadow: Shadow::Cast,
            painter: Box::new(painter),
        }
    }
}

/// The opaque accessories of a face.
pub(crate) fn items(
    face: &FaceParams,
    surface: &Surface,
    fit: Option<&Fit>,
    noise: &NoiseTexture,
) -> Vec<Item> {
    let worn = &face.accessories;
    let mut items = Vec::new();
    if let Some(fit) = fit {
        items.push(fit.frame(surface));
    }
    if let Some(mask) = &worn.mask {
        items.extend(mask.items(surface));
    }
    if let Some(hat) = &worn.hat {
        items.extend(hat.items(surface));
    }
    if let Some(scarf) = &worn.scarf {
        items.push(scarf.item(surface, noise));
    }
    if let Some(hand) = &worn.hand {
        items.push(hand.item(surface, &face.skin));
    }
    if let Some(object) = &worn.object {
        items.extend(object.items(surface, face));
    }
    items
}

/// Presses hair flat.
fn press_flat(hair: &mut Hair) {
    hair.volume = hair.volume.min(0.06);
    hair.side_volume = hair.side_volume.min(0.12);
    hair.curl = hair.curl.min(0.25);
}

/// Hides the hair.
fn hide(hair: &mut Hair) {
    hair.style = HairStyle::Bald;
    hair.length = 0.0;
}

/// The gray level of a reflectance.
fn level(color: crate::params::Color) -> f32 {
    color.iter().sum::<f32>() / 3.0
}
