//! Glasses, masks, hats and scarves.

use super::accessories::dye;
use super::person::Person;
use super::{Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{
    Color, Fabric, Glasses, GlassesShape, Hat, HatKind, Lens, Mask, MaskKind, Pattern, Scarf,
    ScarfKind,
};

distribution! {
    /// Glasses; see [`Glasses`].
    GlassesDistribution {
        /// Probability of clear glasses on a young adult; old people wear them twice as often.
        clear: Probability = Probability(0.13),
        /// Probability of sunglasses.
        sunglasses: Probability = Probability(0.05),
        /// Probability of a rimless frame.
        rimless: Probability = Probability(0.1),
        /// Half the thickness of a rim.
        rim: Uniform = Uniform::new(0.03, 0.11),
        /// Half the width of a lens.
        half_width: Uniform = Uniform::new(0.66, 0.9),
        /// Strength of the reflections.
        glare: Uniform = Uniform::new(0.2, 1.6),
        /// Probability of a bright window in the reflections.
        window: Probability = Probability(0.4),
    }
}

impl GlassesDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Option<Glasses> {
        let kind = sampler.unit_uniform();
        let grown = 1.0 - 0.6 * person.child;
        let dark = self.sunglasses.0 * grown;
        let clear = self.clear.0 * grown * (1.0 + person.age);
        let is_dark = kind < dark;
        let rimless = self.rimless.sample(sampler) && !is_dark;
        let shapes = [
            GlassesShape::Rectangular,
            GlassesShape::Browline,
            GlassesShape::Oval,
            GlassesShape::Round,
            GlassesShape::Aviator,
            GlassesShape::CatEye,
        ];
        let share = if is_dark {
            [0.22, 0.2, 0.08, 0.1, 0.28, 0.12]
        } else {
            [0.36, 0.16, 0.2, 0.12, 0.06, 0.1]
        };
        let mut shape = choose(sampler, &shapes, share);
        if shape == GlassesShape::CatEye && person.feminine < 0.5 {
            shape = GlassesShape::Rectangular;
        }
        let w = self.half_width.sample(sampler) * if is_dark { 1.08 } else { 1.0 };
        let flat = sampler.uniform(0.56, 0.82);
        let h = match shape {
            GlassesShape::Round => w,
            GlassesShape::Aviator => 0.86 * w,
            GlassesShape::Oval => 0.7 * w,
            _ => w * if is_dark { flat.max(0.7) } else { flat },
        };
        let w = if shape == GlassesShape::Round {
            0.92 * w
        } else {
            w
        };
        let thick = self.rim.sample(sampler);
        let wire = sampler.bernoulli(0.35) || shape == GlassesShape::Aviator;
        let rim = match (rimless, wire) {
            (true, _) => 0.0,
            (_, true) => 0.028,
            _ => thick,
        };
        let dark_frame = sampler.unit_uniform().powi(3) * 0.4;
        let tint = dye(sampler);
        let colored = sampler.unit_uniform();
        let metal = rimless || wire;
        let color: Color = if metal {
            let gold = sampler.unit_uniform();
            std::array::from_fn(|i| {
                mix([0.45, 0.45, 0.46][i], [0.55, 0.38, 0.15][i], gold) * (0.25 + colored)
            })
        } else if colored < 0.6 {
            [0.015 + dark_frame * 0.2; 3]
        } else if colored < 0.8 {
            [0.16, 0.06, 0.02]
        } else {
            tint
        };
        let spotted = sampler.bernoulli(0.3) && !metal;
        let second = if spotted {
            color.map(|c| 0.2 * c)
        } else {
            color
        };
        let window = [
            sampler.triangular(0.5),
            -sampler.uniform(-0.2, 0.6),
            sampler.uniform(0.05, 0.16),
            sampler.uniform(0.06, 0.2),
        ];
        let window_light =
            sampler.uniform(2.0, 16.0) * f32::from(u8::from(self.window.sample(sampler)));
        let lens_color: Color = {
            let hue: Color = std::array::from_fn(|_| sampler.unit_uniform());
            let strength = sampler.uniform(0.0, 0.8);
            let level = sampler.uniform(0.01, 0.14);
            hue.map(|h| level * mix(1.0, 2.0 * h, strength))
        };
        let (gradient, fade) = (sampler.bernoulli(0.35), sampler.uniform(0.05, 0.75));
        let slightly = sampler.bernoulli(0.12);
        let pale = sampler.uniform(0.1, 0.5);
        let density = if is_dark {
            [1.0, if gradient { fade } else { 1.0 }]
        } else if slightly {
            [pale, if gradient { 0.0 } else { pale }]
        } else {
            [0.0; 2]
        };
        let mirrored = sampler.bernoulli(0.2) && is_dark;
        let coat = sampler.uniform(0.3, 1.0);
        let mirror_color = std::array::from_fn(|_| sampler.uniform(0.3, 1.0));
        let glasses = Glasses {
            shape,
            half_size: [w, h],
            rim,
            temple: if metal {
                0.04
            } else {
                mix(0.06, 0.2, sampler.unit_uniform())
            },
            color,
            second,
            gloss: sampler.uniform(0.3, 1.0),
            slide: sampler.unit_uniform().powi(3) * 0.55,
            wrap: if is_dark {
                sampler.unit_uniform()
            } else {
                sampler.uniform(0.0, 0.35)
            },
            lens: Lens {
                color: lens_color,
                density,
                glare: self.glare.sample(sampler),
                mirror: if mirrored { coat } else { 0.0 },
                mirror_color,
                window,
                window_light,
            },
        };
        (kind < dark + clear).then_some(glasses)
    }
}

distribution! {
    /// Masks over nose and mouth; see [`Mask`].
    MaskDistribution {
        /// Probability of a mask.
        worn: Probability = Probability(0.04),
        /// Probability that it has slid below the nose or under the mouth.
        slid: Probability = Probability(0.2),
    }
}

impl MaskDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Option<Mask> {
        let worn = self.worn.sample(sampler);
        let kinds = [MaskKind::Surgical, MaskKind::Cloth, MaskKind::Respirator];
        let kind = choose(sampler, &kinds, [0.5, 0.3, 0.2]);
        let slid = self.slid.sample(sampler);
        let (low, under) = (sampler.uniform(1.55, 1.8), sampler.bernoulli(0.3));
        let high = sampler.uniform(0.25, 0.75);
        let mut fabric = cloth(sampler);
        let shade = sampler.unit_uniform();
        let blue: Color = [0.32, 0.55, 0.68];
        if kind != MaskKind::Cloth {
            fabric.pattern = Pattern::Plain;
            fabric.color = match (kind, shade) {
                (MaskKind::Surgical, s) if s < 0.55 => blue.map(|c| c * (0.85 + 0.5 * s)),
                (_, s) if s < 0.85 => [0.8; 3],
                (_, s) if s < 0.96 => [0.02; 3],
                _ => fabric.color,
            };
        }
        let mask = Mask {
            kind,
            top: match (slid, under) {
                (false, _) => high,
                (true, false) => low,
                (true, true) => 2.85,
            },
            width: sampler.uniform(0.6, 0.75),
            puff: sampler.uniform(0.0, 0.16),
            fabric,
        };
        worn.then_some(mask)
    }
}

distribution! {
    /// Hats, helmets, headscarves and hoods; see [`Hat`].
    HatDistribution {
        /// Probability of something on the head.
        worn: Probability = Probability(0.1),
        /// y of its edge in the middle of the forehead.
        line: Uniform = Uniform::new(-1.9, -1.0),
    }
}

impl HatDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Option<Hat> {
        let worn = self.worn.sample(sampler);
        let kinds = [
            HatKind::Cap,
            HatKind::CapBackward,
            HatKind::Beanie,
            HatKind::Brimmed,
            HatKind::Helmet,
            HatKind::Turban,
            HatKind::Headband,
            HatKind::Hijab,
            HatKind::Hood,
        ];
        let share = if person.feminine > 0.5 {
            [0.14, 0.02, 0.14, 0.16, 0.05, 0.04, 0.12, 0.25, 0.08]
        } else {
            [0.3, 0.05, 0.18, 0.14, 0.13, 0.07, 0.04, 0.0, 0.09]
        };
        let kind = choose(sampler, &kinds, share);
        let mut fabric = cloth(sampler);
        let contrast = sampler.bernoulli(0.4);
        let trim = dye(sampler);
        let line = self.line.sample(sampler);
        let (long, tight) = (sampler.unit_uniform(), sampler.unit_uniform());
        let (curvature, gloss) = (sampler.unit_uniform(), sampler.unit_uniform());
        let knit = sampler.bernoulli(0.7);
        match kind {
            HatKind::Beanie if knit => {
                fabric.pattern = Pattern::Knit;
                fabric.scale = mix(3.5, 7.0, long);
            }
            HatKind::Hijab | HatKind::Turban => fabric.scale *= 0.6,
            HatKind::Helmet => fabric.pattern = Pattern::Plain,
            _ => {}
        }
        let hat = Hat {
            kind,
            line: match kind {
                HatKind::Hijab => line.clamp(-1.75, -1.2),
                HatKind::Hood => line.min(-1.3),
                _ => line,
            },
            lean: sampler.triangular(0.5),
            fit: match kind {
                HatKind::Helmet => mix(0.3, 0.5, tight),
                HatKind::Headband => mix(0.02, 0.08, tight),
                HatKind::Hood => mix(0.2, 0.5, tight),
                _ => mix(0.12, 0.22, tight),
            },
            height: mix(0.92, 1.15, long),
            brim: match kind {
                HatKind::Brimmed => mix(0.7, 2.2, long),
                HatKind::Headband => mix(0.25, 0.9, long),
                HatKind::Beanie => long,
                _ => mix(1.4, 2.1, long),
            },
            curvature,
            fabric,
            trim: if contrast { trim } else { fabric.color },
            gloss: if kind == HatKind::Helmet {
                mix(0.4, 1.0, gloss)
            } else {
                0.15 * gloss * gloss
            },
        };
        worn.then_some(hat)
    }
}

distribution! {
    /// Scarves and raised collars; see [`Scarf`].
    ScarfDistribution {
        /// Probability of a scarf or a raised collar.
        worn: Probability = Probability(0.035),
        /// y of its upper edge in front.
        top: Uniform = Uniform::new(2.5, 4.1),
    }
}

impl ScarfDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Option<Scarf> {
        let worn = self.worn.sample(sampler);
        let kind = choose(
            sampler,
            &[ScarfKind::Scarf, ScarfKind::Collar],
            [0.75, 0.25],
        );
        let top = self.top.sample(sampler);
        // Over mouth and nose, sometimes.
        let high = sampler.bernoulli(0.1);
        let mut fabric = cloth(sampler);
        if sampler.bernoulli(0.3) {
            fabric.pattern = Pattern::Knit;
            fabric.scale = 4.0;
        }
        let scarf = Scarf {
            kind,
            top: if high { top - 1.2 } else { top },
            thickness: sampler.uniform(0.45, 1.0),
            fabric,
        };
        worn.then_some(scarf)
    }
}

/// Cloth, half of it of one color.
pub(super) fn cloth(sampler: &mut Sampler) -> Fabric {
    let patterns = [
        Pattern::Plain,
        Pattern::Stripes,
        Pattern::Checks,
        Pattern::Dots,
        Pattern::Print,
    ];
    let pattern = choose(sampler, &patterns, [0.55, 0.14, 0.09, 0.07, 0.15]);
    Fabric {
        color: dye(sampler),
        second: dye(sampler),
        pattern,
        scale: sampler.uniform(1.0, 4.5),
    }
}

/// One of several values, with these probabilities.
pub(super) fn choose<T: Copy, const N: usize>(
    sampler: &mut Sampler,
    values: &[T; N],
    share: [f32; N],
) -> T {
    let at = sampler.unit_uniform() * share.iter().sum::<f32>();
    let mut sum = 0.0;
    let chosen = share.iter().position(|share| {
        sum += share;
        at < sum
    });
    values[chosen.unwrap_or(0)]
}
