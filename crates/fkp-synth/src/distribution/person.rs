//! Properties of a person that several parts of the face depend on.

use super::{Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::smoothstep;

distribution! {
    /// Sex, age and ancestry.
    PersonDistribution {
        /// Probability of a woman.
        woman: Probability = Probability(0.5),
        /// Probability of a child.
        child: Probability = Probability(0.05),
        /// Age of adults, 0 for young, 1 for old; squared, so that young is more frequent.
        age: Uniform = Uniform::new(0.0, 1.0),
        /// Darkness of the skin, 0 to 1; raised to the power of 2.2.
        melanin: Uniform = Uniform::new(0.02, 1.0),
        /// Strength of the features that are frequent in East Asia: flat bridge of the nose, flat
        /// face, lids without a fold. Sampled for a third of the people.
        eastern: Uniform = Uniform::new(0.2, 1.0),
    }
}

/// One person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    /// 0 for a typical man, 1 for a typical woman.
    pub(crate) feminine: f32,
    /// 0 for an adult, up to 1 for a small child.
    pub(crate) child: f32,
    /// 0 for a young adult, 1 for old.
    pub(crate) age: f32,
    pub(crate) melanin: f32,
    /// Broad nose and full lips, which are frequent where skin is dark.
    pub(crate) southern: f32,
    pub(crate) eastern: f32,
}

impl PersonDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Person {
        let woman = self.woman.sample(sampler);
        let feminine = f32::from(u8::from(woman)) + sampler.triangular(0.35);
        let child = self.child.sample(sampler);
        let youth = sampler.uniform(0.3, 1.0);
        let age = self.age.sample(sampler).powi(2);
        let melanin = self.melanin.sample(sampler).max(0.0).powf(2.2);
        let (is_eastern, eastern) = (sampler.bernoulli(0.33), self.eastern.sample(sampler));
        let southern = smoothstep(0.3, 0.8, melanin + sampler.triangular(0.3));
        Person {
            feminine: feminine.clamp(0.0, 1.0),
            child: if child { youth } else { 0.0 },
            age: if child { 0.0 } else { age },
            melanin: if is_eastern { 0.45 * melanin } else { melanin },
            southern: if is_eastern { 0.0 } else { southern },
            eastern: if is_eastern { eastern } else { 0.0 },
        }
    }
}
