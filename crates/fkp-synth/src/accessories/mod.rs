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
mod item;
mod lens;
mod mask;
mod object;
mod scarf;
mod veil;

pub(crate) use glasses::Fit;
pub(crate) use item::{Follow, Item, Painter, Shadow};

use crate::noise::NoiseTexture;
use crate::params::{Accessories, FaceParams};
use crate::shape::Surface;
use std::borrow::Cow;

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
