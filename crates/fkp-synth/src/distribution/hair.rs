//! Hair on head and face.

use super::person::Person;
use super::{Normal, Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Beard, Color, Hair, HairStyle};

distribution! {
    /// Hair on the head; see [`Hair`].
    HairDistribution {
        /// Probability that a young man is bald; it is larger for old men.
        bald: Probability = Probability(0.08),
        /// Probability of long hair of a woman.
        long: Probability = Probability(0.75),
        /// Probability of long hair of a man.
        long_of_men: Probability = Probability(0.06),
        /// Probability of a fringe over the forehead.
        fringe: Probability = Probability(0.16),
        /// y of the hairline.
        line: Normal = Normal::new(-1.98, 0.17),
        /// y of the lower edge of a fringe.
        fringe_line: Normal = Normal::new(-0.8, 0.22),
        /// Receding corners of men.
        recede: Uniform = Uniform::new(0.0, 0.6),
        /// x of the parting.
        parting: Normal = Normal::new(0.0, 0.6),
        /// Irregularity of the hairline.
        ragged: Uniform = Uniform::new(0.06, 0.35),
        /// Thickness above the crown.
        volume: Uniform = Uniform::new(0.1, 0.75),
        /// Thickness at the sides.
        side_volume: Uniform = Uniform::new(0.0, 0.22),
        /// Probability of curly hair.
        curly: Probability = Probability(0.3),
        /// y of the end of long hair.
        length: Uniform = Uniform::new(1.8, 7.5),
        /// Angle from the front at which long hair begins, radians.
        curtain: Uniform = Uniform::new(0.85, 1.55),
        /// Contrast of the strands.
        strands: Uniform = Uniform::new(0.35, 0.9),
        /// Highlights.
        gloss: Uniform = Uniform::new(0.1, 0.7),
    }
}

/// Natural colors of hair, dark to light, in linear RGB.
const COLORS: [Color; 7] = [
    [0.010, 0.009, 0.009],
    [0.022, 0.015, 0.011],
    [0.055, 0.030, 0.017],
    [0.115, 0.062, 0.033],
    [0.230, 0.135, 0.070],
    [0.430, 0.300, 0.160],
    [0.260, 0.080, 0.028],
];

impl HairDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Hair {
        let man = 1.0 - person.feminine;
        let bald = self.bald.0 + 0.35 * person.age;
        let bald = sampler.bernoulli(bald * man * (1.0 - person.child));
        let long = mix(self.long_of_men.0, self.long.0, person.feminine);
        let (long, length) = (sampler.bernoulli(long), self.length.sample(sampler));
        let (fringe, fringe_line) = (
            self.fringe.sample(sampler) && person.age < 0.7,
            self.fringe_line.sample(sampler),
        );
        let line = self.line.sample(sampler);
        let recede = self.recede.sample(sampler) * man * (0.25 + person.age);
        let curly = self.curly.sample(sampler) || sampler.bernoulli(0.8 * person.southern);
        let curl = sampler.uniform(0.3, 1.0);
        let color = color(person, sampler);
        let (grays, gray) = (
            sampler.bernoulli(0.9 * person.age + 0.03),
            sampler.uniform(0.2, 1.1),
        );
        let (volume, side_volume) = (
            self.volume.sample(sampler),
            self.side_volume.sample(sampler),
        );
        let swept = sampler.triangular(1.0);
        let sideburn = sampler.uniform(-0.2, 1.1);
        Hair {
            style: if bald {
                HairStyle::Bald
            } else {
                HairStyle::Grown
            },
            color,
            gray: if grays { gray } else { 0.0 },
            line: if fringe {
                fringe_line
            } else {
                line - 0.25 * recede
            },
            drop: if fringe {
                -0.25
            } else {
                sampler.triangular(0.2)
            },
            recede: if fringe { 0.0 } else { recede },
            parting: self.parting.sample(sampler),
            sideburn: if long { 0.6 } else { sideburn },
            ragged: self.ragged.sample(sampler) + if fringe { 0.15 } else { 0.0 },
            volume: volume * mix(1.0, 1.3, person.feminine) * (1.0 - 0.5 * person.age * man),
            side_volume: side_volume * mix(0.7, 1.6, f32::from(u8::from(long)))
                + 0.25 * curl * f32::from(u8::from(curly)) * person.feminine,
            sweep: if fringe { 0.4 * swept } else { swept },
            curl: if curly { curl } else { 0.12 * curl },
            length: if long { length } else { 0.0 },
            curtain: self.curtain.sample(sampler),
            density: 1.0 - 0.6 * person.age * man * sampler.unit_uniform(),
            strands: self.strands.sample(sampler),
            gloss: self.gloss.sample(sampler),
        }
    }
}

fn color(person: &Person, sampler: &mut Sampler) -> Color {
    let fair = 1.0 - (1.6 * person.melanin + person.eastern).min(1.0);
    let (t, u, red) = (
        sampler.unit_uniform(),
        sampler.unit_uniform(),
        sampler.bernoulli(0.05),
    );
    if red && fair > 0.5 {
        return COLORS[6];
    }
    let level = t * (1.2 + 4.0 * fair * u).min(4.99);
    let index = level as usize;
    crate::math::blend(COLORS[index], COLORS[index + 1], level - index as f32)
}

distribution! {
    /// Hair on the face of men; see [`Beard`].
    BeardDistribution {
        /// Probability of stubble.
        stubble: Probability = Probability(0.25),
        /// Probability of a full beard.
        full: Probability = Probability(0.14),
        /// Probability of a moustache alone.
        moustache: Probability = Probability(0.08),
        /// Probability of a beard on the chin alone.
        goatee: Probability = Probability(0.08),
    }
}

impl BeardDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Beard {
        let kind = sampler.unit_uniform();
        let mut strength = |low: f32| sampler.uniform(low, 1.0);
        let (cheeks, chin, moustache) = (strength(0.4), strength(0.4), strength(0.5));
        let (length, line) = (sampler.unit_uniform(), sampler.triangular(0.3));
        if person.feminine > 0.35 || person.child > 0.0 {
            return Beard::default();
        }
        let stubble = self.stubble.0;
        let full = stubble + self.full.0;
        let lip = full + self.moustache.0;
        let goatee = lip + self.goatee.0;
        let none = Beard::default();
        if kind < stubble {
            Beard {
                cheeks: 0.75 * cheeks,
                chin: 0.8 * chin,
                moustache: 0.75 * moustache,
                length: 0.15 * length,
                line,
            }
        } else if kind < full {
            Beard {
                cheeks: 0.5 + 0.5 * cheeks,
                chin: 1.0,
                moustache: 0.5 + 0.5 * moustache,
                length: 0.4 + 0.6 * length,
                line,
            }
        } else if kind < lip {
            Beard {
                moustache: 0.5 + 0.5 * moustache,
                length: 0.3 + 0.7 * length,
                ..none
            }
        } else if kind < goatee {
            Beard {
                chin: 0.6 + 0.4 * chin,
                moustache: if moustache > 0.7 { moustache } else { 0.0 },
                length: 0.2 + 0.7 * length,
                ..none
            }
        } else {
            none
        }
    }
}
