//! How large a step the optimizer may take: the learning-rate range test.

use crate::TrainError;
use crate::fit::Fit;
use crate::run::Run;
use serde::{Deserialize, Serialize};

/// The range test of Smith (WACV 2017): trains for some steps while the learning rate grows from
/// step to step by the same factor, and watches where the loss falls and where it explodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningRateFinder {
    /// The first learning rate.
    pub from: f64,
    /// The last one.
    pub to: f64,
    /// Steps from the one to the other.
    pub steps: usize,
    /// The test ends early where the smoothed loss is this many times its lowest value.
    pub diverged_at: f64,
}

impl Default for LearningRateFinder {
    fn default() -> Self {
        Self {
            from: 1e-6,
            to: 1.0,
            steps: 100,
            diverged_at: 4.0,
        }
    }
}

/// The result of a [`LearningRateFinder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningRateCurve {
    /// The steps in order.
    pub points: Vec<LearningRatePoint>,
    /// Where the smoothed loss falls most steeply over the logarithm of the learning rate; `None`
    /// where it never falls. The loss falls fastest there over the hundred steps of the test; a
    /// whole training takes up to a hundred times more ([`LearningRatePoint`]s show where the loss
    /// explodes).
    pub suggestion: Option<f64>,
}

/// One step of a learning-rate range test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningRatePoint {
    /// The step's learning rate.
    pub learning_rate: f64,
    /// Mean loss of its samples, before the update.
    pub loss: f64,
    /// The same, as an exponential moving average (0.9 of the past) without the bias of its start.
    pub smoothed: f64,
}

/// Share of the past in the smoothed loss.
const MEMORY: f64 = 0.9;

impl LearningRateFinder {
    fn validate(&self) -> Result<(), TrainError> {
        let refuse = |field: &str, problem: String| {
            let field = format!("learning_rate_finder.{field}");
            Err(TrainError::Config { field, problem })
        };
        let Self {
            from,
            to,
            steps,
            diverged_at,
        } = *self;
        if !(from.is_finite() && from > 0.0) {
            return refuse("from", format!("must be positive and finite, got {from}"));
        }
        if !(to.is_finite() && to > from) {
            return refuse("to", format!("must be above {from} and finite, got {to}"));
        }
        if steps < 5 {
            return refuse("steps", format!("must be at least 5, got {steps}"));
        }
        if diverged_at.is_nan() || diverged_at <= 1.0 {
            let problem = format!("must be above 1, got {diverged_at}");
            return refuse("diverged_at", problem);
        }
        Ok(())
    }

    fn rate(&self, step: usize) -> f64 {
        let way = step as f64 / (self.steps - 1) as f64;
        self.from * (self.to / self.from).powf(way)
    }
}

/// Makes the test and puts the weights back.
pub(crate) fn range_test(
    fit: &Fit<'_>,
    finder: &LearningRateFinder,
) -> Result<LearningRateCurve, TrainError> {
    finder.validate()?;
    let copied = fit.params.tensors().into_iter();
    let copied = copied.map(|(name, tensor)| Ok((name, tensor.copy()?)));
    let before = copied.collect::<candle_core::Result<_>>()?;
    let points = steps(fit, finder);
    fit.params.load(&before)?;
    let points = points?;
    let suggestion = steepest(&points);
    Ok(LearningRateCurve { points, suggestion })
}

fn steps(fit: &Fit<'_>, finder: &LearningRateFinder) -> Result<Vec<LearningRatePoint>, TrainError> {
    let mut run = Run::new(fit)?;
    let (mut points, mut average, mut lowest) = (Vec::new(), 0.0, f64::INFINITY);
    let ended = run.steps_at_rates(
        finder.steps,
        |step| finder.rate(step),
        |learning_rate, loss| {
            average = MEMORY * average + (1.0 - MEMORY) * loss;
            let smoothed = average / (1.0 - MEMORY.powi(points.len() as i32 + 1));
            points.push(LearningRatePoint {
                learning_rate,
                loss,
                smoothed,
            });
            lowest = smoothed.min(lowest);
            smoothed <= finder.diverged_at * lowest
        },
    );
    match ended {
        Err(TrainError::NotFinite { .. } | TrainError::GradientNotFinite { .. }) => Ok(points),
        other => other.map(|()| points),
    }
}

/// The middle of the window over which the smoothed loss falls most. A window is an eighth of the
/// curve, and its first tenth does not count: few losses are averaged there, and chance alone
/// makes them fall.
fn steepest(points: &[LearningRatePoint]) -> Option<f64> {
    let width = (points.len() / 8).max(5);
    let settled = &points[points.len() / 10..];
    let falls = settled.windows(width).map(|w| {
        let fall = w[0].smoothed - w[width - 1].smoothed;
        (fall, w[width / 2].learning_rate)
    });
    let steepest = falls.max_by(|a, b| a.0.total_cmp(&b.0));
    steepest
        .filter(|(fall, _)| *fall > 0.0)
        .map(|(_, rate)| rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steepest_place_is_suggested() {
        let point = |i: usize, smoothed: f64| LearningRatePoint {
            learning_rate: 10f64.powi(i as i32 - 10),
            loss: smoothed,
            smoothed,
        };
        let losses = [1.0, 1.0, 0.99, 0.95, 0.8, 0.5, 0.2, 0.15, 0.14, 0.3, 2.0];
        let curve: Vec<_> = losses
            .iter()
            .enumerate()
            .map(|(i, l)| point(i, *l))
            .collect();
        assert_eq!(steepest(&curve), Some(1e-5));
        let rising: Vec<_> = (0..9).map(|i| point(i, i as f64)).collect();
        assert_eq!(steepest(&rising), None);
    }

    #[test]
    fn rates_grow_by_one_factor_and_nonsense_is_refused() {
        let finder = LearningRateFinder {
            from: 1e-4,
            to: 1.0,
            steps: 5,
            ..LearningRateFinder::default()
        };
        let rates: Vec<f64> = (0..5).map(|i| finder.rate(i)).collect();
        for (rate, wanted) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / wanted - 1.0).abs() < 1e-12);
        }
        let wrong = LearningRateFinder { to: 1e-5, ..finder };
        let error = wrong.validate().unwrap_err().to_string();
        assert!(error.starts_with("learning_rate_finder.to"), "{error}");
    }
}
