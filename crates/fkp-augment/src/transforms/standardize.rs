//! A fixed mean and standard deviation.

use super::traits::{Photometric, PixelStep, SampleContext};
use crate::AugmentError;
use crate::pixels::Canvas;
use crate::range::check_number;
use fkp_core::{Channel, Rng};
use serde::{Deserialize, Serialize};

/// Gives the image a fixed mean and standard deviation, all channels together. An image of one
/// value gets the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardize {
    /// Mean as a fraction of white; 0 to 1.
    pub mean: f64,
    /// Standard deviation as a fraction of white; 0 to 1.
    pub std: f64,
}

/// The parameters are fixed, so the sampled ones are the same.
pub type StandardizeStep = Standardize;

impl Photometric for Standardize {
    type Step = Standardize;

    fn validate(&self) -> Result<(), AugmentError> {
        check_number("mean", self.mean, 0.0, 1.0)?;
        check_number("std", self.std, 0.0, 1.0)
    }

    fn sample(&self, _: &SampleContext<'_>, _: &mut dyn Rng) -> Standardize {
        *self
    }
}

impl PixelStep for Standardize {
    fn apply<T: Channel>(&self, canvas: &mut Canvas<'_, T>) {
        let count = canvas.data.len() as f64;
        let values = || canvas.data.iter().map(|v| f64::from(v.to_f32() / T::WHITE));
        let old_mean = values().sum::<f64>() / count;
        let variance = values().map(|v| (v - old_mean).powi(2)).sum::<f64>() / count;
        let scale = if variance > 1e-12 {
            self.std / variance.sqrt()
        } else {
            0.0
        };
        for value in canvas.data.iter_mut() {
            let v = f64::from(value.to_f32() / T::WHITE);
            let v = ((v - old_mean) * scale + self.mean).clamp(0.0, 1.0);
            *value = T::from_f32(v as f32 * T::WHITE);
        }
    }
}
