//! Probabilities and ranges of sampled parameters.

use crate::distributions::Sampler;
use crate::error::SynthError;
use serde::{Deserialize, Serialize};

/// An effect that some of the images have: a probability, and the range of its strength.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// Probability of the effect, 0 to 1.
    pub probability: f32,
    /// Lowest and highest strength; uniform between them, unless the field says otherwise.
    pub range: [f32; 2],
}

impl Chance {
    /// A chance from its fields.
    pub const fn new(probability: f32, low: f32, high: f32) -> Self {
        Self {
            probability,
            range: [low, high],
        }
    }

    /// The strength, or `None` where the image does not have the effect. Consumes two random
    /// values in either case.
    pub(crate) fn sample(&self, sampler: &mut Sampler) -> Option<f32> {
        let happens = sampler.bernoulli(self.probability);
        let [low, high] = self.range;
        let strength = sampler.uniform(low, high);
        happens.then_some(strength)
    }

    /// As [`Chance::sample`], with the logarithm of the strength uniform.
    pub(crate) fn sample_log(&self, sampler: &mut Sampler) -> Option<f32> {
        let happens = sampler.bernoulli(self.probability);
        let [low, high] = self.range;
        let strength = sampler.uniform(low.ln(), high.ln()).exp();
        happens.then_some(strength)
    }
}

/// What the values of a field must be within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Name of the field, with dots for nested ones.
    pub(crate) field: &'static str,
    pub(crate) lowest: f32,
    pub(crate) highest: f32,
    /// The limits in words.
    pub(crate) expected: &'static str,
}

impl Limits {
    /// Checks numbers.
    pub(crate) fn check(&self, values: &[f32]) -> Result<(), SynthError> {
        // Written so that NaN fails too.
        let is_invalid = |value: &&f32| !(self.lowest..=self.highest).contains(*value);
        match values.iter().find(is_invalid) {
            Some(value) => Err(self.error(*value)),
            None => Ok(()),
        }
    }

    /// Checks a range `[low, high]`.
    pub(crate) fn check_range(&self, [low, high]: [f32; 2]) -> Result<(), SynthError> {
        self.check(&[low, high])?;
        if low > high {
            return Err(self.error(low));
        }
        Ok(())
    }

    /// Checks the probability and the range of a chance.
    pub(crate) fn check_chance(&self, chance: Chance) -> Result<(), SynthError> {
        if !(0.0..=1.0).contains(&chance.probability) {
            return Err(self.error(chance.probability));
        }
        self.check_range(chance.range)
    }

    fn error(&self, value: f32) -> SynthError {
        SynthError::OutOfRange {
            field: self.field.to_owned(),
            expected: self.expected,
            value: value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        field: "camera.blur",
        lowest: 0.0,
        highest: 1.0,
        expected: "a probability and a range within 0 and 1",
    };

    #[test]
    fn invalid_chances_are_refused_with_the_name_of_the_field() {
        for chance in [
            Chance::new(f32::NAN, 0.0, 1.0),
            Chance::new(1.5, 0.0, 1.0),
            Chance::new(0.5, f32::NAN, 1.0),
            Chance::new(0.5, 0.0, f32::INFINITY),
            Chance::new(0.5, 0.8, 0.2),
        ] {
            let error = LIMITS.check_chance(chance).unwrap_err().to_string();
            assert!(error.contains("`camera.blur`"), "{error}");
        }
        assert!(LIMITS.check_chance(Chance::new(0.5, 0.2, 0.2)).is_ok());
    }
}
