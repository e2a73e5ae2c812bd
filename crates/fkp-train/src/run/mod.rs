//! The loop itself.

mod score;

use crate::averaging::Average;
use crate::checkpoint::{Changes, Trained};
use crate::communicator::sum_over_ranks;
use crate::loader::StepBatches;
use crate::lock::FolderLock;
use crate::losses::Losses;
use crate::optimizer::Optimizer;
use crate::plan::Plan;
use crate::{
    EpochReport, Fit, Observer, Outcome, Progress, Skipped, StartReport, StepReport, Stopped,
    TrainError, Unreadable, ValidationReport,
};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use fkp_kernels::Gradients;
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
    waited: f64,
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
            parameters: self.fit.params.named().iter().map(|(_, v)| v.elem_count()).sum(),
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

    /// Makes `count` steps, each at the rate that `rate` gives for its number, and tells `told`
    /// rate and mean loss; `false` ends it. Nothing else happens: no validation, no checkpoint.
    pub(crate) fn steps_at_rates(
        &mut self,
        count: usize,
        rate: impl Fn(usize) -> f64,
        mut told: impl FnMut(f64, f64) -> bool,
    ) -> Result<(), TrainError> {
        let (plan, mut made) = (Rc::clone(&self.plan), 0);
        for epoch in 0.. {
            let mut ended = made >= count;
            if ended {
                break;
            }
            plan.loader(epoch).for_each(&plan.steps(epoch), |step| {
                let rate = rate(made);
                let before = (self.progress.loss_sum, self.progress.weight_sum);
                self.learn(&step, rate)?;
                self.losses.read(&mut self.progress, self.fit.communicator)?;
                made += 1;
                let weight = self.progress.weight_sum - before.1;
                if weight > 0.0 {
                    ended = !told(rate, (self.progress.loss_sum - before.0) / weight);
                }
                ended |= made >= count;
                Ok(match ended {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
            })?;
            if ended {
                break;
            }
        }
        Ok(())
    }

    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<ControlFlow<Stopped>, TrainError> {
        let (started, mut effort) = (Instant::now(), Effort::default());
        let flow = self.train_epoch(observer, &mut effort)?;
        self.losses.read(&mut self.progress, self.fit.communicator)?;
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
            evaluator: self.plan.evaluator(),
            validation_set: &*self.plan.validation,
            global_step: self.progress.global_step,
        };
        let told = self.averaged(|| observer.on_epoch(&report))?;
        let broken = self.agreed(told.is_break())?;
        Ok(match flow {
            ControlFlow::Continue(()) if broken => ControlFlow::Break(Stopped::ByObserver),
            // A run that has nothing left to do is finished, whoever wanted it stopped.
            ControlFlow::Break(_) if self.progress.epochs_done >= self.fit.config.epochs => {
                ControlFlow::Continue(())
            }
            flow => flow,
        })
    }

    /// Makes the remaining steps of the epoch, or fewer if something breaks it off.
    fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
        effort: &mut Effort,
    ) -> Result<ControlFlow<Stopped>, TrainError> {
        let steps = self.plan.steps(self.progress.epochs_done);
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

    /// One step and all that may follow it.
    fn step(
        &mut self,
        mut step: StepBatches,
        observer: &mut dyn Observer,
        effort: &mut Effort,
    ) -> Result<ControlFlow<Stopped>, TrainError> {
        let epoch = self.progress.epochs_done + 1;
        self.progress.steps_done += 1;
        self.report_skipped(std::mem::take(&mut step.skipped), observer)?;
        let learning_rate = self.learning_rate();
        let grad_norm = self.learn(&step, learning_rate)?;
        self.progress.global_step += 1;
        let samples = step.batches.iter().map(|batch| batch.indices.len()).sum();
        effort.samples += samples;
        effort.waited += step.waited;
        effort.learning_rate = learning_rate;
        let (at, steps) = (self.progress.steps_done, self.steps_per_epoch);
        let mut told = observer.on_step(&StepReport {
            epoch,
            epochs: self.fit.config.epochs,
            step: at,
            steps,
            samples,
            global_step: self.progress.global_step,
            mean_loss: self.progress.loss_sum / self.progress.weight_sum.max(1.0),
            learning_rate,
            grad_norm,
            loader_wait: step.waited,
        });
        let due = |every: Option<usize>| every.is_some_and(|n| self.progress.global_step % n == 0);
        let (validate, save) = (
            due(self.fit.config.validate_every) && at < steps,
            due(self.fit.config.checkpoint_every) && at < steps,
        );
        if validate {
            let (validation, is_best) = self.validate(epoch)?;
            let report = ValidationReport {
                epoch,
                step: at,
                global_step: self.progress.global_step,
                validation: &validation,
                is_best,
            };
            if observer.on_validation(&report).is_break() {
                told = ControlFlow::Break(());
            }
        }
        if validate || save {
            self.losses.read(&mut self.progress, self.fit.communicator)?;
            self.save()?;
        }
        let out_of_time = self.fit.config.max_minutes.is_some_and(|m| self.seconds() > 60.0 * m);
        Ok(if self.agreed(told.is_break())? {
            ControlFlow::Break(Stopped::ByObserver)
        } else if self.agreed(out_of_time)? {
            ControlFlow::Break(Stopped::TimeUp)
        } else if validate && self.gave_up() {
            ControlFlow::Break(Stopped::Early)
        } else {
            ControlFlow::Continue(())
        })
    }

    /// Forward, backward and update. The gradient's norm where it was needed.
    fn learn(&mut self, step: &StepBatches, rate: f64) -> Result<Option<f64>, TrainError> {
        let Fit {
            communicator,
            network,
            codec,
            params,
            ..
        } = *self.fit;
        let own: f64 = step.batches.iter().map(|b| b.target.total_weight).sum();
        let weight = sum_over_ranks(own, communicator)?;
        // Nothing to learn from samples of which nothing is labelled.
        if weight == 0.0 {
            return Ok(None);
        }
        let indices = || step.batches.iter().flat_map(|b| b.indices.iter().copied());
        let mut total = Tensor::zeros((), candle_core::DType::F32, params.device())?;
        let mut gradients: Option<Gradients> = None;
        let single = step.batches.len() == 1;
        for batch in &step.batches {
            let output = network.forward_t(&batch.x, true)?;
            let sum = codec.loss(&output, &batch.target)?;
            total = if single { sum.detach() } else { (total + sum.detach())? };
            if single {
                // Told before the gradients are worked out, and before anything is spoilt.
                self.read_loss(indices().collect(), &total, weight)?;
            }
            let more = fkp_kernels::backward(&(sum / weight)?)?;
            gradients = Some(match gradients {
                None => more,
                Some(mut so_far) => {
                    so_far.accumulate(more)?;
                    so_far
                }
            });
        }
        if !single {
            self.read_loss(indices().collect(), &total, weight)?;
        }
        // A rank without a sample still takes part in the sum.
        let mut gradients = gradients.unwrap_or_else(|| GradStore::default().into());
        if communicator.world_size() > 1 {
            gradients = self.sum_over_ranks(&gradients)?;
        }
        let stepped = self.optimizer.step(&gradients, rate)?;
        if let Some(variable) = stepped.not_finite {
            return Err(TrainError::GradientNotFinite {
                variable,
                epoch: self.progress.epochs_done + 1,
                step: self.progress.steps_done,
                samples: indices().collect(),
            });
        }
        if let Some(average) = &self.average {
            average.update(params, self.progress.global_step as u64 + 1)?;
        }
        Ok(stepped.norm)
    }

    fn sum_over_ranks(&self, own: &Gradients) -> Result<Gradients, TrainError> {
        let (communicator, vars) = (self.fit.communicator, self.fit.params.named());
        let sums = own.map(&vars, |_, var, gradient| {
            let gradient = match gradient {
                Some(gradient) => gradient,
                None => var.zeros_like()?,
            };
            communicator.all_reduce_sum(&gradient).map(Some)
        })?;
        Ok(sums)
    }

    fn read_loss(&mut self, samples: Vec<usize>, sum: &Tensor, weight: f64) -> Result<(), TrainError> {
        let at = (self.progress.steps_done, samples);
        let (progress, communicator) = (&mut self.progress, self.fit.communicator);
        self.losses.push(at, sum.clone(), weight, progress, communicator)
    }

    fn report_skipped(
        &mut self,
        unreadable: Vec<(usize, TrainError)>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let Unreadable::Skip { at_most: allowed } = self.fit.config.unreadable else {
            return Ok(());
        };
        let epoch = self.progress.epochs_done + 1;
        for (index, error) in unreadable {
            self.progress.skipped += 1;
            let skipped = self.progress.skipped;
            observer.on_skip(&Skipped {
                epoch,
                index,
                error: &error,
                skipped,
                allowed,
            });
            if skipped > allowed {
                return Err(TrainError::TooManyUnreadable {
                    epoch,
                    skipped,
                    allowed,
                    index,
                    source: Box::new(error),
                });
            }
        }
        Ok(())
    }
}
