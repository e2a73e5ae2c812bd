//! The One-Euro filter, with predicted standard deviations as the scale of the noise.

use crate::ModelError;
use std::f64::consts::TAU;

/// Smoothing of positions in a video (1€ filter, Casiez et al. 2012): a low-pass filter whose cutoff
/// frequency grows with the speed, so that a face at rest has no jitter and a fast one no
/// lag. Here the speed is in standard deviations per second, so that what is slow depends on how
/// exact the keypoint is, and not on the size of the face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneEuro {
    /// Cutoff frequency at rest, in Hz, from 10⁻⁶ to 10⁶. Lower is smoother.
    pub min_cutoff_hz: f64,
    /// Cutoff frequency per speed: Hz for each standard deviation per second, from 0 to 10⁶. Higher has
    /// less lag.
    pub beta: f64,
    /// Cutoff frequency of the speed, in Hz, from 10⁻⁶ to 10⁶.
    pub speed_cutoff_hz: f64,
}

impl Default for OneEuro {
    /// For videos of 15 to 60 frames a second.
    fn default() -> Self {
        Self {
            min_cutoff_hz: 1.5,
            beta: 0.4,
            speed_cutoff_hz: 2.0,
        }
    }
}

impl OneEuro {
    pub(super) fn validate(&self) -> Result<(), ModelError> {
        for (field, value, least) in [
            ("min_cutoff_hz", self.min_cutoff_hz, 1e-6),
            ("beta", self.beta, 0.0),
            ("speed_cutoff_hz", self.speed_cutoff_hz, 1e-6),
        ] {
            if !(least..=1e6).contains(&value) {
                let problem = format!("must be in {least}..=1e6, got {value}");
                return Err(ModelError::config(field, problem));
            }
        }
        Ok(())
    }

    /// The next value of a filter, `seconds` after the last one. `sigma` is the standard deviation of
    /// `x`.
    pub(super) fn next(&self, state: &mut Filtered, x: f64, sigma: f64, seconds: f64) -> f64 {
        let Filtered { value, speed } = *state;
        let raw_speed = (x - value) / seconds;
        let speed = speed + weight(self.speed_cutoff_hz, seconds) * (raw_speed - speed);
        let cutoff = self.min_cutoff_hz + self.beta * speed.abs() / sigma;
        let value = value + weight(cutoff, seconds) * (x - value);
        *state = Filtered { value, speed };
        value
    }
}

/// A smoothed value and its smoothed speed per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Filtered {
    pub(super) value: f64,
    pub(super) speed: f64,
}

impl Filtered {
    /// At the first value.
    pub(super) fn at(value: f64) -> Self {
        Self { value, speed: 0.0 }
    }
}

/// The weight of a new value in a low-pass filter of first order.
fn weight(cutoff_hz: f64, seconds: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (TAU * cutoff_hz * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normally distributed noise of standard deviation 1, from sums of uniform numbers.
    fn noise(i: u64) -> f64 {
        let uniform = |k: u64| {
            let z = (i * 12 + k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
            ((z ^ (z >> 32)) >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(uniform).sum::<f64>() - 6.0
    }

    fn filtered(filter: OneEuro, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut state = None;
        values
            .map(|x| match &mut state {
                None => state.insert(Filtered::at(x)).value,
                Some(state) => filter.next(state, x, 1.0, 1.0 / 30.0),
            })
            .collect()
    }

    #[test]
    fn a_face_at_rest_trembles_less_than_half() {
        // Noise from frame to frame is a fraction of the standard deviation.
        let values: Vec<f64> = (0..300).map(|i| 50.0 + 0.3 * noise(i)).collect();
        let smooth = filtered(OneEuro::default(), values.iter().copied());
        let tremble = |values: &[f64]| {
            let second = values.windows(3).map(|v| (v[0] - 2.0 * v[1] + v[2]).abs());
            second.sum::<f64>()
        };
        let ratio = tremble(&smooth[10..]) / tremble(&values[10..]);
        assert!(ratio < 0.5, "{ratio}");
    }

    #[test]
    fn a_fast_face_lags_by_less_than_a_frame() {
        // 60 standard deviations a second, which is about a width of the face.
        let values: Vec<f64> = (0..60).map(|i| 2.0 * i as f64).collect();
        let smooth = filtered(OneEuro::default(), values.iter().copied());
        let lag = (values[59] - smooth[59]) / 2.0;
        assert!((0.0..1.0).contains(&lag), "{lag} frames");
    }

    #[test]
    fn invalid_frequencies_are_refused() {
        for filter in [
            OneEuro {
                min_cutoff_hz: 0.0,
                ..OneEuro::default()
            },
            OneEuro {
                beta: f64::NAN,
                ..OneEuro::default()
            },
        ] {
            assert!(filter.validate().is_err(), "{filter:?}");
        }
        assert!(OneEuro::default().validate().is_ok());
    }
}
