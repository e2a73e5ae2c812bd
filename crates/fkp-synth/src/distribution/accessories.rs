//! What people wear.

use super::held::{ForegroundDistribution, HandDistribution, ObjectDistribution};
use super::person::Person;
use super::worn::{GlassesDistribution, HatDistribution, MaskDistribution, ScarfDistribution};
use super::{Probability, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Accessories, Clothes, Collar, Color, HatKind, ObjectKind};

distribution! {
    /// Clothes; see [`Clothes`].
    ClothesDistribution {
        /// Probability of a jacket with shirt and tie on a man.
        suit: Probability = Probability(0.35),
        /// Probability of a shirt with a collar.
        shirt: Probability = Probability(0.25),
        /// Probability of a turtleneck.
        high: Probability = Probability(0.08),
        /// Probability of a deep neckline on a woman.
        v: Probability = Probability(0.3),
        /// Probability of stripes.
        stripes: Probability = Probability(0.2),
    }
}

impl ClothesDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Clothes {
        let kind = sampler.unit_uniform();
        let (color, second, tie) = (dye(sampler), dye(sampler), dye(sampler));
        let striped = self.stripes.sample(sampler);
        let (stripes, slant) = (sampler.uniform(0.8, 5.0), sampler.triangular(1.0));
        let man = 1.0 - person.feminine;
        let suit = self.suit.0 * man;
        let shirt = suit + self.shirt.0;
        let high = shirt + self.high.0;
        let v = high + self.v.0 * person.feminine;
        let collar = if kind < suit {
            Collar::Suit
        } else if kind < shirt {
            Collar::Shirt
        } else if kind < high {
            Collar::High
        } else if kind < v {
            Collar::V
        } else {
            Collar::Round
        };
        let is_suit = collar == Collar::Suit;
        Clothes {
            collar,
            color: if is_suit {
                color.map(|c| 0.12 * c)
            } else {
                color
            },
            second: if is_suit {
                second.map(|c| 0.5 + 0.3 * c)
            } else {
                second
            },
            tie,
            stripes: if striped && !is_suit { stripes } else { 0.0 },
            slant,
        }
    }
}

/// A color of cloth: often gray or muted, sometimes strong.
pub(super) fn dye(sampler: &mut Sampler) -> Color {
    let level = sampler.unit_uniform().powi(2) * 0.75 + 0.015;
    let strength = sampler.unit_uniform().powi(2);
    let hue: Color = std::array::from_fn(|_| sampler.unit_uniform());
    hue.map(|h| level * mix(1.0, 0.15 + 1.5 * h, strength))
}

distribution! {
    /// What covers parts of the face; see [`Accessories`].
    AccessoriesDistribution {
        /// Glasses.
        glasses: GlassesDistribution = GlassesDistribution::default(),
        /// Masks.
        mask: MaskDistribution = MaskDistribution::default(),
        /// Hats.
        hat: HatDistribution = HatDistribution::default(),
        /// Scarves.
        scarf: ScarfDistribution = ScarfDistribution::default(),
        /// Hands.
        hand: HandDistribution = HandDistribution::default(),
        /// Objects.
        object: ObjectDistribution = ObjectDistribution::default(),
        /// Things close to the camera.
        foreground: ForegroundDistribution = ForegroundDistribution::default(),
    }
}

impl AccessoriesDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Accessories {
        let mut worn = Accessories {
            glasses: self.glasses.sample(person, sampler),
            mask: self.mask.sample(sampler),
            hat: self.hat.sample(person, sampler),
            scarf: self.scarf.sample(sampler),
            hand: self.hand.sample(person, sampler),
            object: self.object.sample(person, sampler),
            foreground: self.foreground.sample(sampler),
        };
        // Some exclude each other.
        let has_veil = worn
            .hat
            .is_some_and(|hat| matches!(hat.kind, HatKind::Hijab | HatKind::Hood));
        if has_veil {
            worn.scarf = None;
        }
        let masked = worn.mask.is_some();
        let at_mouth = |kind| {
            matches!(
                kind,
                ObjectKind::Cup | ObjectKind::Bottle | ObjectKind::Cigarette
            )
        };
        let on_head = |kind| kind == ObjectKind::Headset;
        worn.object = worn.object.filter(|object| {
            !(masked && at_mouth(object.kind) || worn.hat.is_some() && on_head(object.kind))
        });
        if worn.object.is_some() {
            worn.hand = None;
        }
        worn
    }
}
