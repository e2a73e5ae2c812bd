//! What people wear.

use super::person::Person;
use super::{Probability, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Clothes, Collar, Color};

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
fn dye(sampler: &mut Sampler) -> Color {
    let level = sampler.unit_uniform().powi(2) * 0.75 + 0.015;
    let strength = sampler.unit_uniform().powi(2);
    let hue: Color = std::array::from_fn(|_| sampler.unit_uniform());
    hue.map(|h| level * mix(1.0, 0.15 + 1.5 * h, strength))
}
