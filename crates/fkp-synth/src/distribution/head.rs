//! Head, skin and features at rest.

use super::person::Person;
use super::{Normal, Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Brow, Eye, Head, Iris, Mouth, Nose, Skin};

distribution! {
    /// Skull, jaw and cheeks of an average adult; see [`Head`] for the units. Women, children and
    /// ancestry shift the means.
    HeadDistribution {
        /// Width.
        width: Normal = Normal::new(1.0, 0.035),
        /// Depth of the back of the head.
        depth: Normal = Normal::new(1.0, 0.05),
        /// Length of the face below the eyes.
        face_length: Normal = Normal::new(0.0, 0.12),
        /// Height above the eyes.
        forehead_height: Normal = Normal::new(0.0, 0.15),
        /// Width of the forehead.
        forehead_width: Normal = Normal::new(0.0, 0.05),
        /// Slope of the forehead.
        forehead_slope: Normal = Normal::new(0.0, 0.1),
        /// Width at the cheekbones.
        cheekbone_width: Normal = Normal::new(0.0, 0.06),
        /// Width of the jaw.
        jaw_width: Normal = Normal::new(0.04, 0.09),
        /// Width of the neck.
        neck_width: Normal = Normal::new(0.0, 0.08),
        /// Fat of cheeks, jaw and throat.
        fullness: Normal = Normal::new(0.1, 0.4),
        /// Projection of the middle of the face.
        midface: Normal = Normal::new(0.0, 0.06),
        /// Projection of the chin.
        chin_projection: Normal = Normal::new(0.0, 0.1),
        /// Flatness of the face.
        flatness: Normal = Normal::new(0.0, 0.07),
        /// Squareness of the chin.
        chin_squareness: Normal = Normal::new(0.05, 0.1),
        /// Ridge of the brows.
        brow_ridge: Normal = Normal::new(0.0, 0.025),
        /// Cheekbones.
        cheekbones: Normal = Normal::new(0.0, 0.04),
        /// Hollows of the cheeks.
        cheek_hollow: Normal = Normal::new(0.0, 0.035),
        /// Ball of the chin.
        chin_ball: Normal = Normal::new(0.0, 0.04),
        /// Size of the ears.
        ear_size: Normal = Normal::new(1.0, 0.08),
        /// Angle of the ears, radians.
        ear_angle: Normal = Normal::new(0.42, 0.12),
    }
}

impl HeadDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Head {
        let man = 1.0 - person.feminine;
        let grown = 1.0 - person.child;
        Head {
            width: self.width.sample(sampler) + 0.02 * man * grown + 0.02 * person.eastern,
            depth: self.depth.sample(sampler) - 0.04 * person.eastern,
            face_length: self.face_length.sample(sampler) + 0.1 * (man - 0.5) * grown
                - 0.55 * person.child,
            forehead_height: self.forehead_height.sample(sampler) + 0.2 * person.child,
            forehead_width: self.forehead_width.sample(sampler) + 0.08 * person.child,
            forehead_slope: self.forehead_slope.sample(sampler) - 0.08 * man
                + 0.08 * person.feminine
                + 0.12 * person.child,
            cheekbone_width: self.cheekbone_width.sample(sampler) + 0.07 * person.eastern,
            jaw_width: self.jaw_width.sample(sampler) + 0.11 * man * grown
                - 0.04 * person.feminine
                - 0.08 * person.child,
            neck_width: self.neck_width.sample(sampler) + 0.12 * man
                - 0.2 * person.feminine
                - 0.3 * person.child,
            fullness: self.fullness.sample(sampler) + 0.2 * person.age + 0.6 * person.child,
            midface: self.midface.sample(sampler) + 0.05 * person.southern,
            chin_projection: self.chin_projection.sample(sampler) + 0.05 * man
                - 0.08 * person.southern
                - 0.12 * person.child,
            flatness: self.flatness.sample(sampler) + 0.1 * person.eastern,
            chin_squareness: self.chin_squareness.sample(sampler) + 0.12 * man * grown
                - 0.06 * person.feminine,
            brow_ridge: self.brow_ridge.sample(sampler) + 0.05 * man * grown
                - 0.02 * person.feminine
                - 0.03 * person.eastern
                - 0.05 * person.child,
            cheekbones: self.cheekbones.sample(sampler) + 0.02 * person.eastern,
            cheek_hollow: self.cheek_hollow.sample(sampler) + 0.02 * person.age
                - 0.06 * person.child,
            chin_ball: self.chin_ball.sample(sampler) + 0.02 * man,
            ear_size: self.ear_size.sample(sampler) + 0.08 * person.age - 0.08 * person.child,
            ear_angle: self.ear_angle.sample(sampler),
        }
    }
}

distribution! {
    /// Skin; see [`Skin`]. Melanin and age are those of the person.
    SkinDistribution {
        /// Redness.
        redness: Uniform = Uniform::new(0.1, 0.9),
        /// Undertone.
        undertone: Normal = Normal::new(0.1, 0.4),
        /// Highlights.
        gloss: Uniform = Uniform::new(0.1, 0.75),
        /// Part of the age that shows as wrinkles.
        wrinkles: Uniform = Uniform::new(0.5, 1.0),
        /// Blotches.
        mottle: Uniform = Uniform::new(0.04, 0.2),
        /// Probability of freckles.
        freckled: Probability = Probability(0.12),
        /// Most moles.
        moles: Uniform = Uniform::new(0.0, 4.0),
        /// Probability of rouge on a woman's cheeks.
        rouge: Probability = Probability(0.3),
    }
}

impl SkinDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Skin {
        let freckled = self.freckled.sample(sampler) && person.melanin < 0.35;
        let freckles = sampler.uniform(0.2, 0.9);
        let (has_rouge, rouge) = (self.rouge.sample(sampler), sampler.uniform(0.2, 0.8));
        Skin {
            melanin: person.melanin,
            redness: self.redness.sample(sampler),
            undertone: self.undertone.sample(sampler) + 0.3 * person.eastern,
            gloss: self.gloss.sample(sampler) + 0.1 * person.melanin,
            age: person.age * self.wrinkles.sample(sampler),
            mottle: self.mottle.sample(sampler) * (0.7 + 0.6 * person.age),
            freckles: if freckled { freckles } else { 0.0 },
            moles: self.moles.sample(sampler).clamp(0.0, 20.0) as u8,
            rouge: if has_rouge {
                rouge * person.feminine
            } else {
                0.0
            },
        }
    }
}

distribution! {
    /// Eyes at rest; see [`Eye`].
    EyeDistribution {
        /// Distance from the middle.
        apart: Normal = Normal::new(1.0, 0.035),
        /// Height of both eyes.
        height: Normal = Normal::new(0.05, 0.02),
        /// Half the distance between the corners.
        half_width: Normal = Normal::new(0.435, 0.022),
        /// Height of the upper lid.
        upper_lid: Normal = Normal::new(0.158, 0.026),
        /// Depth of the lower lid.
        lower_lid: Normal = Normal::new(0.112, 0.015),
        /// Slant, radians.
        tilt: Normal = Normal::new(0.03, 0.055),
        /// Depth in the socket.
        depth: Normal = Normal::new(0.0, 0.04),
        /// Height of the fold.
        fold: Normal = Normal::new(0.11, 0.035),
        /// Puffiness.
        bag: Uniform = Uniform::new(0.0, 0.5),
        /// Radius of the iris.
        iris: Normal = Normal::new(0.193, 0.006),
        /// Lashes.
        lashes: Uniform = Uniform::new(0.15, 0.5),
        /// Probability of eye make-up on a woman.
        make_up: Probability = Probability(0.45),
        /// Difference between the two eyes, as a fraction of the variation between people.
        asymmetry: Uniform = Uniform::new(0.1, 0.5),
        /// Pupil as a fraction of the iris.
        pupil: Uniform = Uniform::new(0.28, 0.55),
        /// Redness of the white.
        redness: Uniform = Uniform::new(0.0, 0.35),
    }
}

impl EyeDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> ([Eye; 2], Iris) {
        let asymmetry = self.asymmetry.sample(sampler);
        let (made_up, liner, shadow) = (
            self.make_up.sample(sampler),
            sampler.uniform(0.2, 1.0),
            sampler.unit_uniform(),
        );
        let made_up = f32::from(u8::from(
            made_up && person.feminine > 0.6 && person.child == 0.0,
        ));
        let lashes = self.lashes.sample(sampler) + 0.2 * person.feminine + 0.3 * made_up;
        let single = sampler.bernoulli(0.6 * person.eastern);
        let common = Eye {
            at: [self.apart.sample(sampler), self.height.sample(sampler)],
            half_width: self.half_width.sample(sampler) - 0.012 * person.eastern,
            upper_lid: self.upper_lid.sample(sampler) - 0.025 * person.eastern
                + 0.012 * person.feminine
                + 0.04 * person.child
                - 0.03 * person.age,
            lower_lid: self.lower_lid.sample(sampler) + 0.015 * person.child,
            tilt: self.tilt.sample(sampler) + 0.06 * person.eastern - 0.03 * person.age,
            depth: self.depth.sample(sampler) - 0.05 * person.eastern
                + 0.02 * (1.0 - person.feminine)
                - 0.04 * person.child,
            fold: self.fold.sample(sampler).max(0.02) - 0.03 * person.age,
            bag: self.bag.sample(sampler) + 0.5 * person.age,
            iris: self.iris.sample(sampler) + 0.008 * person.child,
            lashes,
            liner: liner * made_up,
            shadow: shadow * shadow * made_up,
        };
        let mut side = || {
            let mut off = |deviation: f32| sampler.approx_normal(0.0, asymmetry * deviation);
            Eye {
                at: [common.at[0] + off(0.03), common.at[1] + off(0.03)],
                half_width: common.half_width + off(0.015),
                upper_lid: (common.upper_lid + off(0.03)).max(0.07),
                lower_lid: (common.lower_lid + off(0.015)).max(0.04),
                tilt: common.tilt + off(0.04),
                fold: if single {
                    0.0
                } else {
                    (common.fold + off(0.03)).max(0.015)
                },
                ..common
            }
        };
        let eyes = [side(), side()];
        let brown = sampler.bernoulli(0.55 + 0.6 * person.melanin + person.eastern);
        let (t, u) = (sampler.unit_uniform(), sampler.unit_uniform());
        let dark = [
            mix(0.03, 0.17, t),
            mix(0.016, 0.085, t),
            mix(0.008, 0.035, t),
        ];
        let light = if u < 0.55 {
            [mix(0.10, 0.2, t), mix(0.16, 0.28, t), mix(0.22, 0.36, t)]
        } else {
            [mix(0.12, 0.18, t), mix(0.13, 0.2, t), mix(0.06, 0.1, t)]
        };
        let iris = Iris {
            color: if brown { dark } else { light },
            pupil: self.pupil.sample(sampler),
            redness: self.redness.sample(sampler) * (0.6 + 0.6 * person.age),
        };
        (eyes, iris)
    }
}

distribution! {
    /// Eyebrows at rest; see [`Brow`].
    BrowDistribution {
        /// x of the inner end.
        inner: Normal = Normal::new(0.42, 0.06),
        /// x of the outer end.
        outer: Normal = Normal::new(1.78, 0.08),
        /// y of both ends.
        height: Normal = Normal::new(-0.47, 0.075),
        /// By how much the outer end is lower.
        slant: Normal = Normal::new(0.03, 0.06),
        /// Arch.
        arch: Normal = Normal::new(0.17, 0.05),
        /// Half the thickness.
        thickness: Normal = Normal::new(0.125, 0.025),
        /// Opacity.
        density: Uniform = Uniform::new(0.35, 0.95),
    }
}

impl BrowDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> [Brow; 2] {
        let man = 1.0 - person.feminine;
        let inner = self.inner.sample(sampler) - 0.04 * man;
        let outer = self.outer.sample(sampler);
        let height = self.height.sample(sampler) + 0.07 * man - 0.04 * person.feminine
            + 0.03 * person.age
            - 0.03 * person.eastern;
        let slant = self.slant.sample(sampler);
        let arch = self.arch.sample(sampler) + 0.05 * person.feminine;
        let thickness = self.thickness.sample(sampler) + 0.03 * man - 0.015 * person.feminine;
        let density = self.density.sample(sampler) - 0.25 * person.child;
        let mut brow = || {
            let mut off = || sampler.approx_normal(0.0, 0.015);
            Brow {
                inner: [inner + off(), height + off()],
                outer: [outer + off(), height + slant + off()],
                arch: arch + off(),
                thickness: thickness.max(0.04),
                density: density.clamp(0.1, 1.0),
            }
        };
        [brow(), brow()]
    }
}

distribution! {
    /// The nose; see [`Nose`].
    NoseDistribution {
        /// x of the ball.
        shift: Normal = Normal::new(0.0, 0.02),
        /// y of the ball. The nose meets the lip at 1.42 then, 45 mm below the eyes (Farkas 1994).
        length: Normal = Normal::new(1.04, 0.085),
        /// Width at the wings.
        width: Normal = Normal::new(1.0, 0.09),
        /// Height above the face.
        projection: Normal = Normal::new(1.0, 0.12),
        /// Height of the bridge.
        bridge: Normal = Normal::new(1.0, 0.25),
        /// Width of the bridge.
        bridge_width: Normal = Normal::new(1.0, 0.1),
        /// Hump.
        hump: Normal = Normal::new(0.02, 0.035),
        /// Droop of the tip.
        droop: Normal = Normal::new(0.03, 0.05),
    }
}

impl NoseDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Nose {
        let man = 1.0 - person.feminine;
        let (wide, flat) = (person.southern, person.eastern);
        Nose {
            at: [
                self.shift.sample(sampler),
                self.length.sample(sampler) + 0.04 * man + 0.05 * person.age
                    - 0.03 * wide
                    - 0.2 * person.child,
            ],
            width: self.width.sample(sampler) + 0.05 * man + 0.22 * wide + 0.08 * flat
                - 0.12 * person.child,
            projection: self.projection.sample(sampler) + 0.05 * man
                - 0.12 * wide
                - 0.16 * flat
                - 0.25 * person.child,
            bridge: self.bridge.sample(sampler) - 0.35 * wide - 0.45 * flat - 0.5 * person.child,
            bridge_width: self.bridge_width.sample(sampler) + 0.12 * wide + 0.1 * flat,
            hump: self.hump.sample(sampler)
                - 0.02 * person.feminine
                - 0.03 * person.child
                - 0.02 * flat,
            droop: self.droop.sample(sampler) + 0.04 * person.age - 0.05 * person.child,
        }
    }
}

distribution! {
    /// The mouth at rest; see [`Mouth`].
    MouthDistribution {
        /// x of its middle.
        shift: Normal = Normal::new(0.0, 0.02),
        /// y of the line between the lips, 67 mm below the eyes (Farkas 1994).
        height: Normal = Normal::new(2.13, 0.07),
        /// Half the distance between the corners.
        half_width: Normal = Normal::new(0.8, 0.05),
        /// Height of the upper lip.
        upper_lip: Normal = Normal::new(0.175, 0.04),
        /// Height of the lower lip.
        lower_lip: Normal = Normal::new(0.28, 0.04),
        /// Protrusion.
        protrusion: Normal = Normal::new(0.0, 0.03),
        /// Notch of the upper lip.
        bow: Uniform = Uniform::new(0.0, 1.0),
        /// Droop of the corners.
        droop: Normal = Normal::new(0.01, 0.025),
        /// Redness.
        redness: Uniform = Uniform::new(0.1, 0.9),
        /// Probability of lipstick on a woman.
        lipstick: Probability = Probability(0.45),
    }
}

impl MouthDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Mouth {
        let (has_lipstick, strength) = (self.lipstick.sample(sampler), sampler.uniform(0.2, 0.9));
        let (t, u) = (sampler.unit_uniform(), sampler.unit_uniform());
        let color = [
            mix(0.22, 0.62, t),
            mix(0.03, 0.2, t * u),
            mix(0.04, 0.2, t * (1.0 - u)),
        ];
        let full = 1.0 + 0.1 * person.feminine + 0.35 * person.southern - 0.3 * person.age;
        let worn = has_lipstick && person.feminine > 0.6 && person.child == 0.0;
        Mouth {
            at: [
                self.shift.sample(sampler),
                self.height.sample(sampler) + 0.02 * (1.0 - person.feminine) - 0.33 * person.child,
            ],
            half_width: self.half_width.sample(sampler)
                + 0.02 * (1.0 - person.feminine)
                + 0.04 * person.southern
                - 0.15 * person.child,
            upper_lip: (self.upper_lip.sample(sampler) * full).max(0.06),
            lower_lip: (self.lower_lip.sample(sampler) * full).max(0.1),
            protrusion: self.protrusion.sample(sampler) + 0.07 * person.southern
                - 0.03 * person.age,
            bow: self.bow.sample(sampler),
            droop: self.droop.sample(sampler) + 0.04 * person.age,
            redness: self.redness.sample(sampler) * (1.0 - 0.5 * person.southern),
            lipstick: (if worn { strength } else { 0.0 }, color),
        }
    }
}
