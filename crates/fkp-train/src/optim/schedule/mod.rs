//! Learning-rate schedules. A new one is a file in this folder, its `mod` and its line in the list
//! below.

#[macro_use]
mod list;

mod constant;
mod cosine;
mod definition;
mod one_cycle;
mod plateau;
mod step_decay;
#[cfg(test)]
mod tests;

use crate::TrainError;
use serde::{Deserialize, Serialize};

use definition::Definition;
pub use definition::{PlateauState, SchedulePosition};

schedules! {
    "constant" => constant::Constant,
    "cosine" => cosine::Cosine,
    "step" => step_decay::StepDecay,
    "plateau" => plateau::Plateau,
    "one_cycle" => one_cycle::OneCycle,
}

impl Default for Schedule {
    fn default() -> Self {
        Constant {}.into()
    }
}

impl Schedule {
    /// The factor on the configured learning rate for a step.
    ///
    /// With a warm-up, the factor of step i (from 0) is multiplied by (i + 1) / `warmup_steps` as
    /// long as that is below 1. The cosine starts after the warm-up; the other schedules count
    /// steps and epochs from the start of the run.
    ///
    /// ```
    /// use fkp_train::schedule::{Cosine, PlateauState, Schedule, SchedulePosition};
    /// let schedule = Schedule::from(Cosine { floor: 0.0 });
    /// let at = |step| SchedulePosition { step, steps_per_epoch: 3, total_steps: 6 };
    /// let factor = |step| schedule.factor(at(step), 2, &PlateauState::default());
    /// assert_eq!([factor(0), factor(1), factor(2)], [0.5, 1.0, 1.0]);
    /// assert!((factor(4) - 0.5).abs() < 1e-12);
    /// ```
    pub fn factor(&self, at: SchedulePosition, warmup_steps: usize, plateau: &PlateauState) -> f64 {
        let warm_up = match at.step < warmup_steps {
            true => (at.step + 1) as f64 / warmup_steps as f64,
            false => 1.0,
        };
        warm_up * self.definition().factor(at, warmup_steps, plateau)
    }

    /// Updates the state with the validation loss of an epoch. Only [`Plateau`] has a state.
    pub fn observe(&self, state: &mut PlateauState, val_loss: f64) {
        self.definition().observe(state, val_loss);
    }

    /// Whether the factors depend on the length of the run, so that changing the number of epochs
    /// changes the learning rate of every step.
    pub fn depends_on_length(&self) -> bool {
        self.definition().depends_on_length()
    }

    /// Refuses invalid parameters.
    ///
    /// # Errors
    /// [`TrainError::Config`] with the field's name, `train.schedule.…`.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.definition().validate()
    }
}
