//! The learning-rate range test, which finds a learning rate to train with.

use super::run::Run;
use super::trainer::Trainer;
use crate::TrainError;
use crate::error::Section;
use fkp_core::Dataset;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::rc::Rc;

/// The range test of Smith (WACV 2017): trains for some optimizer steps while the learning rate
/// grows exponentially, and records the loss until it diverges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearningRateFinder {
    /// The first learning rate.
    pub min_rate: f64,
    /// The last learning rate.
    pub max_rate: f64,
    /// Number of optimizer steps.
    pub steps: usize,
    /// The test ends early when the smoothed loss exceeds its lowest value by this factor. A lowest
    /// value below 0 may be exceeded by one less than this factor times its magnitude, or times what the
    /// loss fell before.
    pub early_stop_threshold: f64,
}

impl Default for LearningRateFinder {
    fn default() -> Self {
        Self {
            min_rate: 1e-6,
            max_rate: 1.0,
            steps: 100,
            early_stop_threshold: 4.0,
        }
    }
}

/// The result of a [`LearningRateFinder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningRateCurve {
    /// One point per step, in order.
    pub points: Vec<LearningRatePoint>,
    /// The learning rate at which the smoothed loss falls most steeply over the logarithm of the
    /// learning rate; `None` if it never falls. A whole training often needs a rate that is up to a
    /// hundred times higher: [`Self::points`] shows where the loss diverges.
    pub suggestion: Option<f64>,
}

/// One step of a learning-rate range test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningRatePoint {
    /// The step's learning rate.
    pub learning_rate: f64,
    /// Mean loss of the step's samples, before the update.
    pub loss: f64,
    /// Exponential moving average of the loss with decay 0.9 and bias correction.
    pub smoothed: f64,
}

/// Decay of the moving average of the loss.
const SMOOTHING: f64 = 0.9;

impl LearningRateFinder {
    fn validate(&self) -> Result<(), TrainError> {
        let section = Section("learning_rate_finder");
        let Self {
            min_rate,
            max_rate,
            steps,
            early_stop_threshold,
        } = *self;
        section.positive("min_rate", min_rate)?;
        let is_valid = max_rate.is_finite() && max_rate > min_rate;
        let must_be = format!("above {min_rate} and finite");
        section.check("max_rate", is_valid, &must_be, max_rate)?;
        section.check("steps", steps >= 5, "at least 5", steps as f64)?;
        let (threshold, is_valid) = (early_stop_threshold, early_stop_threshold > 1.0);
        section.check("early_stop_threshold", is_valid, "above 1", threshold)
    }

    /// Whether the smoothed loss is so far above its lowest value that the test ends. `first` is the
    /// smoothed loss of the first step.
    fn has_diverged(&self, first: f64, lowest: f64, smoothed: f64) -> bool {
        let scale = match lowest > 0.0 {
            true => lowest,
            false => (first - lowest).max(-lowest),
        };
        smoothed > lowest + (self.early_stop_threshold - 1.0) * scale
    }

    fn rate(&self, step: usize) -> f64 {
        let progress = step as f64 / (self.steps - 1) as f64;
        self.min_rate * (self.max_rate / self.min_rate).powf(progress)
    }
}

/// Makes the test and restores the weights.
pub(super) fn range_test(
    trainer: &Trainer<'_>,
    train: &dyn Dataset,
    finder: &LearningRateFinder,
) -> Result<LearningRateCurve, TrainError> {
    finder.validate()?;
    let before = trainer.params.duplicate()?.tensors();
    let points = measure(trainer, train, finder);
    trainer.params.load(&before)?;
    let points = points?;
    let suggestion = steepest(&points);
    Ok(LearningRateCurve { points, suggestion })
}

/// The learning rates and losses of the test, up to where the loss diverges.
fn measure(
    trainer: &Trainer<'_>,
    train: &dyn Dataset,
    finder: &LearningRateFinder,
) -> Result<Vec<LearningRatePoint>, TrainError> {
    let mut run = Run::new(trainer, train, train, None)?;
    let mut points: Vec<LearningRatePoint> = Vec::new();
    let (mut average, mut lowest) = (0.0, f64::INFINITY);
    let ended = train_at_rates(&mut run, finder, |learning_rate, loss| {
        average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
        let smoothed = average / (1.0 - SMOOTHING.powi(points.len() as i32 + 1));
        points.push(LearningRatePoint {
            learning_rate,
            loss,
            smoothed,
        });
        lowest = smoothed.min(lowest);
        match finder.has_diverged(points[0].smoothed, lowest, smoothed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    match ended {
        Err(TrainError::LossNotFinite { .. } | TrainError::GradientNotFinite { .. }) => Ok(points),
        other => other.map(|()| points),
    }
}

/// Trains with the learning rates of the test, without validation and checkpoints, and calls
/// `on_step` with the learning rate and the mean loss of each step.
fn train_at_rates(
    run: &mut Run<'_>,
    finder: &LearningRateFinder,
    mut on_step: impl FnMut(f64, f64) -> ControlFlow<()>,
) -> Result<(), TrainError> {
    let plan = Rc::clone(&run.plan);
    let mut flow = ControlFlow::Continue(());
    let (mut epoch, mut steps_done) = (0, 0);
    while flow.is_continue() {
        plan.loader(epoch).for_each(&plan.steps(epoch)?, |step| {
            let rate = finder.rate(steps_done);
            let before = (run.progress.loss_sum, run.progress.weight_sum);
            run.optimizer_step(&step, rate)?;
            run.progress.global_step += 1;
            run.losses.read(&mut run.progress, run.trainer)?;
            steps_done += 1;
            let weight = run.progress.weight_sum - before.1;
            if weight > 0.0 {
                flow = on_step(rate, (run.progress.loss_sum - before.0) / weight);
            }
            if steps_done >= finder.steps {
                flow = ControlFlow::Break(());
            }
            Ok(flow)
        })?;
        epoch += 1;
    }
    Ok(())
}

/// The middle of the window over which the smoothed loss falls most. A window is an eighth of the
/// curve. The first tenth of the curve is left out: few losses are averaged there, so that the
/// smoothed loss may fall by chance.
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
    fn the_steepest_point_is_suggested() {
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
    fn a_loss_below_zero_may_fall_and_rise() {
        let finder = LearningRateFinder::default();
        // Positive: four times the lowest value.
        assert!(!finder.has_diverged(2.0, 1.0, 4.0) && finder.has_diverged(2.0, 1.0, 4.1));
        // It fell from 1 to −1, and may rise by 6.
        assert!(!finder.has_diverged(1.0, -1.0, 5.0) && finder.has_diverged(1.0, -1.0, 5.1));
        // Negative from the start, and the lowest so far.
        assert!(!finder.has_diverged(-2.5, -2.5, -2.5));
        assert!(!finder.has_diverged(-2.5, -2.5, -2.4));
        assert!(!finder.has_diverged(-2.5, -2.5, 5.0) && finder.has_diverged(-2.5, -2.5, 5.1));
    }

    #[test]
    fn rates_grow_by_a_constant_factor_and_invalid_values_are_refused() {
        let finder = LearningRateFinder {
            min_rate: 1e-4,
            max_rate: 1.0,
            steps: 5,
            ..LearningRateFinder::default()
        };
        let rates: Vec<f64> = (0..5).map(|i| finder.rate(i)).collect();
        for (rate, expected) in rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]) {
            assert!((rate / expected - 1.0).abs() < 1e-12);
        }
        let invalid = LearningRateFinder {
            max_rate: 1e-5,
            ..finder
        };
        let error = invalid.validate().unwrap_err().to_string();
        assert!(
            error.starts_with("learning_rate_finder.max_rate"),
            "{error}"
        );
    }
}
