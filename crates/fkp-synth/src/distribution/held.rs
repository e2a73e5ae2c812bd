//! Hands, objects, and things in front of the face.

use super::accessories::dye;
use super::person::Person;
use super::worn::{choose, cloth};
use super::{Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::math::mix;
use crate::params::{Foreground, ForegroundShape, Hand, Object, ObjectKind, Pattern, Wrist};
use std::f32::consts::PI;

distribution! {
    /// Hands at or in front of the face; see [`Hand`].
    HandDistribution {
        /// Probability of a hand.
        present: Probability = Probability(0.05),
        /// Size of the hand of an adult man.
        size: Uniform = Uniform::new(0.88, 1.06),
        /// Probability that a hand does not touch the face.
        free: Probability = Probability(0.25),
    }
}

/// Where hands go: point of the face for the left hand, direction, curvature of the index and of the
/// other fingers, angle of the thumb.
const GESTURES: [([f32; 2], f32, [f32; 2], f32); 8] = [
    // The palm at the cheek.
    ([1.7, 0.9], 0.2, [0.1, 0.15], 0.25),
    // Over the mouth.
    ([0.6, 2.0], -1.25, [0.08, 0.12], 0.4),
    // Over an eye.
    ([1.2, 0.45], -0.35, [0.1, 0.1], 0.3),
    // At the forehead.
    ([0.9, -1.1], -1.2, [0.1, 0.15], 0.4),
    // The fist under the chin.
    ([0.35, 3.4], -0.35, [0.85, 0.9], 0.2),
    // The index at the cheek, the others folded.
    ([0.9, 2.75], 0.25, [0.05, 0.85], 0.6),
    // The index at the lips.
    ([0.12, 3.2], -0.05, [0.0, 0.95], 0.2),
    // Fingers at the chin.
    ([0.5, 3.1], -0.7, [0.4, 0.5], 0.9),
];

impl HandDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Option<Hand> {
        let present = self.present.sample(sampler);
        let side = if sampler.bernoulli(0.5) { 1.0 } else { -1.0 };
        let share = [0.2, 0.16, 0.1, 0.12, 0.16, 0.1, 0.06, 0.1];
        let (at, angle, [index, others], thumb) = choose(sampler, &GESTURES, share);
        let (dx, dy) = (sampler.triangular(0.4), sampler.triangular(0.35));
        let turn = sampler.triangular(0.3);
        let free = self.free.sample(sampler);
        let somewhere = [sampler.uniform(-1.5, 2.5), sampler.uniform(-1.5, 3.5)];
        let any = [
            sampler.triangular(1.2),
            sampler.uniform(0.2, 3.5),
            sampler.unit_uniform(),
        ];
        let mut curl = [index, others, others, others + 0.04];
        for curvature in &mut curl {
            *curvature = (*curvature + sampler.triangular(0.12)).max(0.0);
        }
        let size = self.size.sample(sampler)
            * (1.0 - 0.12 * person.feminine)
            * (1.0 - 0.25 * person.child);
        let polished = sampler.bernoulli(0.4) && person.feminine > 0.5;
        let (at, angle, lift) = if free {
            curl = curl.map(|c| mix(c, any[2] * any[2], 0.7));
            (somewhere, any[0], any[1])
        } else {
            ([at[0] + dx, at[1] + dy], angle + turn, 0.0)
        };
        let hand = Hand {
            at: [side * at[0], at[1]],
            angle: side * angle,
            lift,
            size,
            thumb_at_larger_x: side > 0.0,
            curl,
            spread: sampler.unit_uniform().powi(2),
            thumb: thumb + sampler.triangular(0.25),
            wrist: Wrist {
                angle: side * sampler.uniform(-0.5, 0.3),
                bare: sampler.uniform(0.4, 9.0),
                sleeve: cloth(sampler),
            },
            polish: (if polished { 0.9 } else { 0.0 }, dye(sampler)),
        };
        present.then_some(hand)
    }
}

distribution! {
    /// Things held to the face or worn at it; see [`Object`].
    ObjectDistribution {
        /// Probability of an object.
        present: Probability = Probability(0.06),
        /// Probability of a hand that holds it.
        held: Probability = Probability(0.75),
    }
}

impl ObjectDistribution {
    pub(crate) fn sample(&self, person: &Person, sampler: &mut Sampler) -> Option<Object> {
        let present = self.present.sample(sampler);
        let kinds = [
            ObjectKind::Microphone,
            ObjectKind::StickMicrophone,
            ObjectKind::Headset,
            ObjectKind::Phone,
            ObjectKind::Cup,
            ObjectKind::Bottle,
            ObjectKind::Cigarette,
            ObjectKind::Board,
        ];
        let kind = choose(
            sampler,
            &kinds,
            [0.26, 0.1, 0.1, 0.16, 0.13, 0.06, 0.08, 0.11],
        );
        let side = if sampler.bernoulli(0.5) { 1.0 } else { -1.0 };
        let (dx, dy) = (sampler.triangular(1.0), sampler.triangular(1.0));
        let (turn, near) = (sampler.triangular(1.0), sampler.unit_uniform());
        let (held, shine) = (self.held.sample(sampler), sampler.unit_uniform());
        let mut fabric = cloth(sampler);
        let (dark, smoke) = (sampler.bernoulli(0.7), sampler.bernoulli(0.7));
        let somewhere = [sampler.uniform(-1.6, 1.6), sampler.uniform(-0.5, 3.5)];
        let (at, angle, forward, lift) = match kind {
            ObjectKind::Microphone | ObjectKind::StickMicrophone => (
                [0.5 * dx, 2.75 + 0.6 * dy],
                0.5 + 0.5 * turn,
                0.5 + 0.4 * near,
                0.25 + 1.4 * near * near,
            ),
            ObjectKind::Headset => ([1.0 + 0.15 * dx, 2.2 + 0.15 * dy], 0.0, 0.0, 0.1 * near),
            ObjectKind::Phone => (
                [2.5 + 0.1 * dx, -0.8 + 0.4 * dy],
                -0.22 + 0.15 * turn,
                0.4 + 0.2 * near,
                0.0,
            ),
            ObjectKind::Cup => (
                [0.15 * dx, 2.25 + 0.25 * dy],
                0.3 * turn,
                0.5 + 0.6 * near,
                0.95,
            ),
            ObjectKind::Bottle => (
                [0.15 * dx, 2.2 + 0.15 * dy],
                0.3 * turn,
                0.8 + 0.5 * near,
                0.1,
            ),
            ObjectKind::Cigarette => (
                [0.45 + 0.3 * dx, 2.1],
                0.7 + 0.7 * turn,
                0.8 * near + 0.2,
                0.02,
            ),
            ObjectKind::Board => (somewhere, 0.8 * turn, 0.2 * near, 0.9 + near),
        };
        if dark
            && matches!(
                kind,
                ObjectKind::Microphone
                    | ObjectKind::StickMicrophone
                    | ObjectKind::Headset
                    | ObjectKind::Phone
            )
        {
            fabric.color = [0.02 + 0.06 * shine; 3];
            fabric.second = if near > 0.5 { [0.02; 3] } else { [0.3; 3] };
        }
        if kind == ObjectKind::Cigarette && smoke {
            fabric.color = [0.75; 3];
            fabric.second = if dark { [0.6, 0.32, 0.12] } else { [0.75; 3] };
        }
        if kind == ObjectKind::Board && dark {
            fabric.color = [0.75; 3];
            fabric.second = [0.05; 3];
            fabric.pattern = Pattern::Plain;
        }
        let object = Object {
            kind,
            at: [side * at[0], at[1]],
            lift,
            angle: side * angle,
            forward,
            size: sampler.uniform(0.85, 1.15) * (1.0 - 0.05 * person.feminine),
            held,
            fabric,
            gloss: mix(0.1, 0.9, shine),
            sleeve: cloth(sampler),
        };
        present.then_some(object)
    }
}

distribution! {
    /// Things close to the camera; see [`Foreground`].
    ForegroundDistribution {
        /// Probability of something close to the camera.
        present: Probability = Probability(0.04),
        /// Width of its blurred edge as a fraction of the side.
        blur: Uniform = Uniform::new(0.0, 0.22),
    }
}

impl ForegroundDistribution {
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Option<Foreground> {
        let present = self.present.sample(sampler);
        let shapes = [
            ForegroundShape::Edge,
            ForegroundShape::Disk,
            ForegroundShape::Bars,
            ForegroundShape::Leaves,
            ForegroundShape::Block,
        ];
        let shape = choose(sampler, &shapes, [0.3, 0.25, 0.12, 0.18, 0.15]);
        let around = sampler.uniform(-PI, PI);
        let (dx, dy) = (around.cos(), around.sin());
        let (u, v, turn) = (
            sampler.unit_uniform(),
            sampler.unit_uniform(),
            sampler.triangular(0.5),
        );
        let color = dye(sampler);
        let second = dye(sampler);
        let green = sampler.uniform(0.03, 0.3);
        let plain = sampler.bernoulli(0.5);
        let (away, angle, size) = match shape {
            // Mostly from the sides.
            ForegroundShape::Edge => (mix(0.2, 0.48, u), around + turn, 0.1),
            ForegroundShape::Disk => (mix(0.45, 0.7, u), turn, mix(0.12, 0.35, v)),
            ForegroundShape::Bars => (u, around, mix(0.01, 0.035, v)),
            ForegroundShape::Leaves => (0.1 * u, around, mix(0.03, 0.09, v)),
            ForegroundShape::Block => (mix(0.1, 0.45, u), turn, mix(0.05, 0.16, v)),
        };
        let foreground = Foreground {
            shape,
            at: [away * dx, away * dy],
            angle,
            size,
            blur: self.blur.sample(sampler)
                * if shape == ForegroundShape::Bars {
                    0.25
                } else {
                    1.0
                },
            color: if shape == ForegroundShape::Leaves {
                [0.6 * green, green, 0.35 * green]
            } else {
                color
            },
            second: match shape {
                ForegroundShape::Leaves => [0.3 * green, 0.45 * green, 0.2 * green],
                _ if plain => color.map(|c| 0.7 * c),
                _ => second,
            },
            variant: sampler.uniform(0.0, 20.0),
        };
        present.then_some(foreground)
    }
}
