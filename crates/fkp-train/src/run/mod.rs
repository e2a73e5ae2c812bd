//! The loop itself.

mod score;
mod step;

use crate::averaging::Average;
use crate::checkpoint::{Changes, Trained};
use crate::fit::Fit;
use crate::lock::FolderLock;
use crate::losses::Losses;
use crate::optimizer::Optimizer;
use crate::plan::Plan;
use crate::{EpochReport, Observer, Outcome, Progress, StartReport, Stopped, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::Direction;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Instant;

/// A run that goes on.
pub(crate) struct Run<'a> {
    fit: &'a Fit<'a>,
    plan: Rc<Plan<'a>>,
    optimizer: Optimizer,
    average: Option<Average>,
    progress: Progress,
    /// Which values of the monitored metric are better.
    direction: Direction,
    losses: Losses,
    /// The weights to end with, where early stopping wants the best.
    best_weights: Option<BTreeMap<String, Tensor>>,
    /// When this session began, and the training time before it.
    clock: (Instant, f64),
    steps_per_epoch: usize,
    _lock: Option<FolderLock>,
}

/// What an epoch's steps took.
#[derive(Default)]
struct Effort {
    samples: usize,
    loader_wait: f64,
    /// Of the last step.
    learning_rate: f64,
}

impl<'a> Run<'a> {
    pub(crate) fn new(fit: &'a Fit<'a>) -> Result<Self, TrainError> {
        fit.validate()?;
        let plan = Rc::new(Plan::new(fit)?);
        let lock = match fit.checkpoints {
            Some(checkpoints) if fit.communicator.rank() == 0 => Some(checkpoints.prepare()?),
            _ => None,
        };
        let config = fit.config;
        let average = config.averaging.map(|how| Average::new(how, fit.params));
        Ok(Self {
            fit,
            optimizer: Optimizer::new(fit.params.named(), &config.optimizer, config.clip_norm)?,
            average: average.transpose()?,
            progress: Progress::default(),
            direction: score::direction(fit)?,
            losses: Losses::new(fit.params.device()),
            best_weights: None,
            clock: (Instant::now(), 0.0),
            steps_per_epoch: plan.steps_per_epoch(),
            plan,
            _lock: lock,
        })
    }

    /// Every rank begins with the weights of the first.
    pub(crate) fn agree_on_weights(&mut self) -> Result<(), TrainError> {
        let Fit {
            communicator,
            params,
            ..
        } = *self.fit;
        if communicator.world_size() == 1 {
            return Ok(());
        }
        let mut first = BTreeMap::new();
        for (name, tensor) in params.tensors() {
            first.insert(name, communicator.broadcast(&tensor, 0)?);
        }
        params.load(&first)?;
        if let Some(average) = &self.average {
            average.load(&first)?;
        }
        Ok(())
    }

    /// Takes up the state in the checkpoint folder.
    pub(crate) fn restore(&mut self, changes: Changes) -> Result<(), TrainError> {
        let Some(checkpoints) = self.fit.checkpoints else {
            return Ok(());
        };
        let trained = Trained {
            params: self.fit.params,
            average: self.average.as_ref(),
        };
        let (identity, optimizer) = (self.fit.identity(checkpoints), &mut self.optimizer);
        self.progress = checkpoints.load_state(trained, optimizer, &identity, changes)?;
        self.clock.1 = self.progress.seconds;
        let (asked, done) = (self.fit.config.epochs, self.progress.epochs_done);
        if asked < done {
            return Err(TrainError::Config {
                field: "train.epochs".to_owned(),
                problem: format!("the run has made {done} epochs already, got {asked}"),
            });
        }
        if self.wants_the_best() && self.progress.best.is_some() {
            let path = checkpoints.best();
            let weights = candle_core::safetensors::load(&path, &Device::Cpu);
            let weights = weights.map_err(|error| TrainError::Corrupt {
                path,
                problem: error.to_string(),
            })?;
            self.best_weights = Some(weights.into_iter().collect());
        }
        Ok(())
    }

    pub(crate) fn go_on(mut self, observer: &mut dyn Observer) -> Result<Outcome, TrainError> {
        let mut nobody = ();
        let observer = match self.fit.communicator.rank() {
            0 => observer,
            _ => &mut nobody,
        };
        observer.on_start(&StartReport {
            epochs: self.fit.config.epochs,
            epochs_done: self.progress.epochs_done,
            steps_done: self.progress.steps_done,
            global_step: self.progress.global_step,
            parameters: self
                .fit
                .params
                .named()
                .iter()
                .map(|(_, v)| v.elem_count())
                .sum(),
            training_samples: self.fit.train.len(),
            validation_samples: self.plan.validation.len(),
        });
        let stopped = loop {
            if self.gave_up() {
                break Stopped::Early;
            }
            if self.progress.epochs_done >= self.fit.config.epochs {
                break Stopped::Finished;
            }
            if let ControlFlow::Break(stopped) = self.epoch(observer)? {
                break stopped;
            }
        };
        if let Some(error) = observer.failure() {
            return Err(error);
        }
        if let (Stopped::Early | Stopped::Finished, Some(best)) = (stopped, &self.best_weights) {
            self.fit.params.load(best)?;
        }
        let progress = self.progress;
        Ok(Outcome { stopped, progress })
    }

    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<ControlFlow<Stopped>, TrainError> {
        let (started, mut effort) = (Instant::now(), Effort::default());
        let flow = self.train_epoch(observer, &mut effort)?;
        self.losses
            .read(&mut self.progress, self.fit.communicator)?;
        if self.progress.steps_done < self.steps_per_epoch {
            self.save()?;
            return Ok(flow);
        }
        if self.progress.weight_sum == 0.0 {
            return Err(TrainError::NoLabels { split: "training" });
        }
        let trained = started.elapsed().as_secs_f64();
        let (validation, is_best) = self.validate(self.progress.epochs_done + 1)?;
        self.complete_epoch(&validation, (started, trained), &effort);
        self.save()?;
        let Some(record) = self.progress.history.last() else {
            return Ok(flow);
        };
        let report = EpochReport {
            epochs: self.fit.config.epochs,
            record,
            history: &self.progress.history,
            validation: &validation,
            is_best,
            evaluator: self.fit.evaluator(),
            validation_set: &*self.plan.validation,
            global_step: self.progress.global_step,
        };
        let observed = self.averaged(|| observer.on_epoch(&report))?;
        let broken = self.agreed(observed.is_break())?;
        Ok(match flow {
            // A run that has nothing left to do is finished, whoever wanted it stopped.
            _ if self.progress.epochs_done >= self.fit.config.epochs => ControlFlow::Continue(()),
            ControlFlow::Continue(()) if broken => ControlFlow::Break(Stopped::ByObserver),
            flow => flow,
        })
    }

    /// Makes the remaining steps of the epoch, or fewer if something breaks it off.
    fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
        effort: &mut Effort,
    ) -> Result<ControlFlow<Stopped>, TrainError> {
        let steps = self.plan.steps(self.progress.epochs_done)?;
        let mut flow = ControlFlow::Continue(());
        // So that the loader does not borrow the run, which changes with every step.
        let plan = Rc::clone(&self.plan);
        let loader = plan.loader(self.progress.epochs_done);
        loader.for_each(&steps[self.progress.steps_done..], |step| {
            flow = self.step(step, observer, effort)?;
            Ok(match flow {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(_) => ControlFlow::Break(()),
            })
        })?;
        Ok(flow)
    }
}
