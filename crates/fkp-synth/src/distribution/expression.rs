//! Movements of the face.

use super::{Checked, Normal, Probability, Uniform, distribution};
use crate::distributions::Sampler;
use crate::error::SynthError;
use crate::params::{Expression, Pose};
use serde::{Deserialize, Serialize};

/// How often a movement happens and how strong it is then.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    /// Probability of the movement.
    pub probability: Probability,
    /// Strength, uniform between these limits.
    pub strength: Uniform,
}

impl Movement {
    const fn new(probability: f32, low: f32, high: f32) -> Self {
        Self {
            probability: Probability(probability),
            strength: Uniform::new(low, high),
        }
    }

    fn sample(&self, sampler: &mut Sampler) -> f32 {
        let happens = self.probability.sample(sampler);
        let strength = self.strength.sample(sampler);
        if happens { strength } else { 0.0 }
    }
}

impl Checked for Movement {
    fn check(&self, field: &str) -> Result<(), SynthError> {
        self.probability.check(&format!("{field}.probability"))?;
        self.strength.check(&format!("{field}.strength"))
    }
}

distribution! {
    /// Movements of the face, sampled independently of each other; see [`Expression`].
    ExpressionDistribution {
        /// Smile.
        smile: Movement = Movement::new(0.5, 0.05, 1.1),
        /// Corners of the mouth pulled down, where there is no smile.
        sad: Movement = Movement::new(0.2, 0.1, 1.0),
        /// Jaw.
        jaw_open: Movement = Movement::new(0.28, 0.05, 0.7),
        /// A wide open mouth.
        shout: Movement = Movement::new(0.04, 0.7, 1.1),
        /// Parted lips.
        lips_apart: Movement = Movement::new(0.4, 0.15, 1.3),
        /// Pursed lips.
        purse: Movement = Movement::new(0.12, 0.1, 1.0),
        /// Pressed lips.
        press: Movement = Movement::new(0.12, 0.1, 1.0),
        /// Tongue.
        tongue: Movement = Movement::new(0.03, 0.3, 1.0),
        /// Closed and half-closed eyes.
        blink: Movement = Movement::new(0.12, 0.3, 1.0),
        /// One eye closed.
        wink: Movement = Movement::new(0.01, 0.6, 1.0),
        /// Wide eyes.
        wide: Movement = Movement::new(0.08, 0.2, 1.0),
        /// Narrowed eyes.
        squint: Movement = Movement::new(0.25, 0.1, 0.9),
        /// Raised brows.
        raise: Movement = Movement::new(0.25, 0.1, 1.1),
        /// Lowered brows.
        lower: Movement = Movement::new(0.2, 0.1, 0.7),
        /// Frown.
        frown: Movement = Movement::new(0.2, 0.1, 1.0),
        /// Raised inner ends of the brows.
        worry: Movement = Movement::new(0.12, 0.1, 1.0),
        /// Puffed cheeks.
        puff: Movement = Movement::new(0.02, 0.3, 1.0),
        /// Wrinkled nose.
        sneer: Movement = Movement::new(0.05, 0.2, 1.0),
        /// Difference between the sides, as a fraction of the strength.
        asymmetry: Normal = Normal::new(0.0, 0.15),
        /// Standard deviation of the gaze to the side and down, radians.
        gaze: Normal = Normal::new(0.0, 0.13),
        /// Probability that the eyes look into the camera, as far as they can.
        into_camera: Probability = Probability(0.5),
    }
}

impl ExpressionDistribution {
    pub(crate) fn sample(&self, pose: &Pose, sampler: &mut Sampler) -> Expression {
        let mut both = |movement: &Movement| {
            let strength = movement.sample(sampler);
            let off = self.asymmetry.sample(sampler);
            [strength * (1.0 + off), strength * (1.0 - off)]
        };
        let (smile, sad) = (both(&self.smile), both(&self.sad));
        let (raise, lower) = (both(&self.raise), both(&self.lower));
        let blink = both(&self.blink);
        let wink = self.wink.sample(sampler);
        let left = sampler.bernoulli(0.5);
        let jaw = self
            .jaw_open
            .sample(sampler)
            .max(self.shout.sample(sampler));
        let mut gaze = [self.gaze.sample(sampler), 0.5 * self.gaze.sample(sampler)];
        if self.into_camera.sample(sampler) {
            gaze[0] = 0.4 * gaze[0] - pose.yaw;
            gaze[1] = 0.4 * gaze[1] - pose.pitch;
        }
        let smiling = smile[0] + smile[1] > 0.0;
        Expression {
            smile: if smiling { smile } else { sad.map(|s| -s) },
            jaw_open: jaw,
            lips_apart: self.lips_apart.sample(sampler),
            purse: self.purse.sample(sampler) * if smiling { 0.2 } else { 1.0 },
            press: self.press.sample(sampler) * if jaw > 0.1 { 0.0 } else { 1.0 },
            tongue: self.tongue.sample(sampler) * jaw.min(1.0),
            blink: [0, 1].map(|side| {
                let winks = (side == 0) == left;
                let value = blink[side].max(if winks { wink } else { 0.0 });
                value.clamp(0.0, 1.0)
            }),
            wide: self.wide.sample(sampler),
            squint: self.squint.sample(sampler),
            brow_raise: [0, 1].map(|side: usize| raise[side] - lower[side]),
            frown: self.frown.sample(sampler),
            worry: self.worry.sample(sampler),
            puff: self.puff.sample(sampler),
            sneer: self.sneer.sample(sampler),
            gaze: [gaze[0].clamp(-0.6, 0.6), gaze[1].clamp(-0.35, 0.45)],
        }
    }
}
