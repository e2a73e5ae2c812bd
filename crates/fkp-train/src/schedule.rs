//! How the learning rate changes over a run.

use crate::TrainError;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The learning rate as a factor on the configured one, step by step.
///
/// Names and defaults follow `torch.optim.lr_scheduler`, and so do the values; only that the
/// configured rate is the highest here also for [`OneCycle`](Self::OneCycle).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The configured rate throughout.
    Constant {},
    /// Half a cosine from 1 at the end of the warm-up to `floor` at the end of the run
    /// (Loshchilov & Hutter 2017, without restarts).
    Cosine {
        /// What is left at the end, in [0, 1].
        #[serde(default)]
        floor: f64,
    },
    /// Times `factor` after every so many epochs.
    Step {
        /// Epochs between two changes.
        every_epochs: usize,
        /// In (0, 1].
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Times `factor` when the validation loss has not improved for more than `patience` epochs.
    Plateau {
        /// In (0, 1).
        #[serde(default = "tenth")]
        factor: f64,
        /// Epochs without improvement that are let pass.
        #[serde(default = "patience")]
        patience: usize,
        /// How much lower than the best a loss must be to count, as a fraction of the best's
        /// size (likelihoods may be below 0).
        #[serde(default = "min_delta")]
        min_delta: f64,
        /// The factor goes no lower than this, in [0, 1].
        #[serde(default)]
        floor: f64,
    },
    /// Up along half a cosine and down along another, once in a run (Smith & Topin 2018, with
    /// cosines as in PyTorch).
    OneCycle {
        /// Where in the run the configured rate is reached, in (0, 1).
        #[serde(default = "peak_at")]
        peak_at: f64,
        /// The run starts at the configured rate divided by this.
        #[serde(default = "start_divisor")]
        start_divisor: f64,
        /// The run ends at the rate of its start divided by this.
        #[serde(default = "end_divisor")]
        end_divisor: f64,
    },
}

fn tenth() -> f64 {
    0.1
}

fn patience() -> usize {
    10
}

fn min_delta() -> f64 {
    1e-4
}

fn peak_at() -> f64 {
    0.3
}

fn start_divisor() -> f64 {
    25.0
}

fn end_divisor() -> f64 {
    1e4
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant {}
    }
}

/// A place in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Steps made before this one, over all epochs.
    pub step: usize,
    /// Steps in an epoch.
    pub steps_per_epoch: usize,
    /// Steps in the whole run.
    pub total_steps: usize,
}

/// What [`Schedule::Plateau`] remembers of the validation losses; part of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// The loss that has to be improved on.
    pub best: Option<f64>,
    /// Epochs since it was.
    pub bad_epochs: usize,
    /// How often the rate has been reduced.
    pub reductions: u32,
}

impl Schedule {
    /// The factor on the configured learning rate for a step.
    ///
    /// With a warm-up, the factor of step i (from 0) is multiplied by (i + 1) / `warmup_steps` as
    /// long as that is below 1. The cosine starts only after it; everything else goes on
    /// underneath, by the count of steps and epochs from the start.
    ///
    /// ```
    /// use fkp_train::{PlateauState, Position, Schedule};
    /// let schedule = Schedule::Cosine { floor: 0.0 };
    /// let at = |step| Position { step, steps_per_epoch: 3, total_steps: 6 };
    /// let factor = |step| schedule.factor(at(step), 2, &PlateauState::default());
    /// assert_eq!([factor(0), factor(1), factor(2)], [0.5, 1.0, 1.0]);
    /// assert!((factor(4) - 0.5).abs() < 1e-12);
    /// ```
    pub fn factor(&self, at: Position, warmup_steps: usize, plateau: &PlateauState) -> f64 {
        let warm_up = match at.step < warmup_steps {
            true => (at.step + 1) as f64 / warmup_steps as f64,
            false => 1.0,
        };
        let scheduled = match *self {
            Self::Constant {} => 1.0,
            Self::Cosine { floor } => {
                let steps = at.total_steps.saturating_sub(warmup_steps);
                let done = at.step.saturating_sub(warmup_steps);
                half_cosine(1.0, floor, done as f64 / steps.max(1) as f64)
            }
            Self::Step {
                every_epochs,
                factor,
            } => {
                let epoch = at.step / at.steps_per_epoch.max(1);
                power(factor, epoch / every_epochs.max(1))
            }
            Self::Plateau { factor, floor, .. } => {
                power(factor, plateau.reductions as usize).max(floor)
            }
            Self::OneCycle {
                peak_at,
                start_divisor,
                end_divisor,
            } => {
                let start = 1.0 / start_divisor;
                // The peak is at a step, not between two.
                let peak = (peak_at * at.total_steps as f64 - 1.0).max(0.0);
                let last = at.total_steps as f64 - 1.0;
                let step = at.step as f64;
                match step < peak {
                    true => half_cosine(start, 1.0, step / peak),
                    false => {
                        let rest = (last - peak).max(f64::MIN_POSITIVE);
                        half_cosine(1.0, start / end_divisor, (step - peak) / rest)
                    }
                }
            }
        };
        warm_up * scheduled
    }

    /// Whether the factors depend on how long the run is, so that a run that is to be made longer
    /// is another run from its first step.
    pub fn depends_on_length(&self) -> bool {
        matches!(self, Self::Cosine { .. } | Self::OneCycle { .. })
    }

    /// Refuses NaN and nonsense.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.schedule.…`.
    pub fn validate(&self) -> Result<(), TrainError> {
        let check = |field: &str, sensible: bool, must_be: &str, got: f64| match sensible {
            true => Ok(()),
            false => Err(TrainError::Config {
                field: format!("train.schedule.{field}"),
                problem: format!("must be {must_be}, got {got}"),
            }),
        };
        let fraction = |field, v: f64| check(field, (0.0..=1.0).contains(&v), "in 0..=1", v);
        let divisor = |field, v: f64| {
            let sensible = v.is_finite() && v >= 1.0;
            check(field, sensible, "finite and at least 1", v)
        };
        match *self {
            Self::Constant {} => Ok(()),
            Self::Cosine { floor } => fraction("floor", floor),
            Self::Step {
                every_epochs,
                factor,
            } => {
                check("every_epochs", every_epochs > 0, "at least 1", 0.0)?;
                let sensible = factor > 0.0 && factor <= 1.0;
                check("factor", sensible, "above 0 and at most 1", factor)
            }
            Self::Plateau {
                factor,
                min_delta,
                floor,
                ..
            } => {
                let sensible = factor > 0.0 && factor < 1.0;
                check("factor", sensible, "above 0 and below 1", factor)?;
                let sensible = (0.0..1.0).contains(&min_delta);
                check("min_delta", sensible, "in 0..1", min_delta)?;
                fraction("floor", floor)
            }
            Self::OneCycle {
                peak_at,
                start_divisor,
                end_divisor,
            } => {
                let sensible = peak_at > 0.0 && peak_at < 1.0;
                check("peak_at", sensible, "above 0 and below 1", peak_at)?;
                divisor("start_divisor", start_divisor)?;
                divisor("end_divisor", end_divisor)
            }
        }
    }
}

impl PlateauState {
    /// Takes note of the validation loss of an epoch. Any schedule but
    /// [`Plateau`](Schedule::Plateau) leaves the state as it is.
    pub fn observe(&mut self, schedule: &Schedule, val_loss: f64) {
        let Schedule::Plateau {
            patience,
            min_delta,
            ..
        } = *schedule
        else {
            return;
        };
        let improved = self
            .best
            .is_none_or(|best| val_loss < best - min_delta * best.abs());
        if improved {
            self.best = Some(val_loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.bad_epochs > patience {
            self.bad_epochs = 0;
            self.reductions += 1;
        }
    }
}

/// From `start` at 0 to `end` at 1, and `end` from there on.
fn half_cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * progress.min(1.0)).cos()) / 2.0
}

fn power(factor: f64, times: usize) -> f64 {
    factor.powi(i32::try_from(times).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The factors that `tests/golden/golden.py` had from PyTorch.
    fn golden(name: &str) -> Vec<f64> {
        let text = include_str!("../tests/golden/golden.json");
        let golden: serde_json::Value = serde_json::from_str(text).unwrap();
        serde_json::from_value(golden["schedules"][name].clone()).unwrap()
    }

    fn parse(text: &str) -> Schedule {
        serde_json::from_str(text).unwrap()
    }

    fn compare(name: &str, schedule: &Schedule, warmup_steps: usize) {
        let expected = golden(name);
        for (step, expected) in expected.iter().enumerate() {
            let at = Position {
                step,
                steps_per_epoch: 4,
                total_steps: expected_len(&golden(name)),
            };
            let got = schedule.factor(at, warmup_steps, &PlateauState::default());
            assert!(
                (got - expected).abs() < 1e-9,
                "{name}: step {step} has {got}, PyTorch {expected}"
            );
        }
    }

    fn expected_len(values: &[f64]) -> usize {
        assert_eq!(values.len(), 40);
        values.len()
    }

    #[test]
    fn factors_are_those_of_pytorch() {
        compare("constant_warmup", &Schedule::default(), 7);
        compare("cosine", &Schedule::Cosine { floor: 0.05 }, 0);
        compare("cosine_warmup", &Schedule::Cosine { floor: 0.05 }, 7);
        let step = parse(r#"{"kind": "step", "every_epochs": 3}"#);
        compare("step", &step, 0);
        compare("one_cycle", &parse(r#"{"kind": "one_cycle"}"#), 0);
        let cycle = Schedule::OneCycle {
            peak_at: 0.45,
            start_divisor: 10.0,
            end_divisor: 100.0,
        };
        compare("one_cycle_other", &cycle, 0);
    }

    #[test]
    fn the_plateau_is_that_of_pytorch() {
        let losses = golden("plateau_losses");
        for (name, schedule) in [
            (
                "plateau",
                parse(r#"{"kind": "plateau", "factor": 0.5, "patience": 2}"#),
            ),
            (
                "plateau_floor",
                Schedule::Plateau {
                    factor: 0.3,
                    patience: 0,
                    min_delta: 0.05,
                    floor: 0.02,
                },
            ),
        ] {
            let mut state = PlateauState::default();
            let mut changes = 0;
            for (epoch, expected) in golden(name).into_iter().enumerate() {
                let at = Position {
                    step: epoch,
                    steps_per_epoch: 1,
                    total_steps: losses.len(),
                };
                let got = schedule.factor(at, 0, &state);
                assert!((got - expected).abs() < 1e-12, "{name} {epoch}: {got}");
                changes += usize::from(got < 1.0);
                state.observe(&schedule, losses[epoch]);
                // What a checkpoint holds is all there is to it.
                let text = serde_json::to_string(&state).unwrap();
                state = serde_json::from_str(&text).unwrap();
            }
            assert!(changes > 5, "{name} never came to a plateau");
        }
        let mut state = PlateauState::default();
        state.observe(&Schedule::default(), 1.0);
        assert_eq!(state, PlateauState::default());
    }

    #[test]
    fn short_and_overlong_runs_have_finite_factors() {
        let schedules = [
            Schedule::default(),
            Schedule::Cosine { floor: 0.0 },
            parse(r#"{"kind": "step", "every_epochs": 1}"#),
            parse(r#"{"kind": "plateau"}"#),
            parse(r#"{"kind": "one_cycle"}"#),
        ];
        for schedule in schedules {
            schedule.validate().unwrap();
            for total_steps in [0, 1, 2, 3] {
                for step in 0..6 {
                    for warmup in [0, 1, 5] {
                        let at = Position {
                            step,
                            steps_per_epoch: 1,
                            total_steps,
                        };
                        let factor = schedule.factor(at, warmup, &PlateauState::default());
                        assert!(
                            (0.0..=1.0).contains(&factor),
                            "{schedule:?} {at:?} {factor}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (text, field) in [
            (r#"{"kind": "cosine", "floor": 1.5}"#, "floor"),
            (r#"{"kind": "step", "every_epochs": 0}"#, "every_epochs"),
            (
                r#"{"kind": "step", "every_epochs": 1, "factor": 0.0}"#,
                "factor",
            ),
            (r#"{"kind": "plateau", "factor": 1.0}"#, "factor"),
            (r#"{"kind": "plateau", "min_delta": -1.0}"#, "min_delta"),
            (r#"{"kind": "plateau", "floor": 2.0}"#, "floor"),
            (r#"{"kind": "one_cycle", "peak_at": 0.0}"#, "peak_at"),
            (
                r#"{"kind": "one_cycle", "start_divisor": 0.5}"#,
                "start_divisor",
            ),
            (
                r#"{"kind": "one_cycle", "end_divisor": 0.0}"#,
                "end_divisor",
            ),
        ] {
            let error = parse(text).validate().unwrap_err().to_string();
            let expected = format!("train.schedule.{field}: must be");
            assert!(error.starts_with(&expected), "{text}: {error}");
        }
        assert!(Schedule::Cosine { floor: f64::NAN }.validate().is_err());
        let unknown = serde_json::from_str::<Schedule>(r#"{"kind": "constant", "floor": 0}"#);
        assert!(unknown.unwrap_err().to_string().contains("floor"));
    }
}
