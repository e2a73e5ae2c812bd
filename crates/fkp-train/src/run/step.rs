//! One step of the optimizer, and what may follow it.

use super::{Effort, Run};
use crate::communicator::sum_over_ranks;
use crate::fit::Fit;
use crate::loader::StepBatches;
use crate::{
    ForwardPass, Observer, Skipped, StepReport, Stopped, TrainError, Unreadable, ValidationReport,
};
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};
use fkp_kernels::Gradients;
use std::ops::ControlFlow;
use std::rc::Rc;

impl Run<'_> {
    /// Makes `count` steps, each at the rate that `rate` gives for its number, and calls
    /// `on_step` with the rate and the mean loss; `false` ends it. Nothing else happens: no validation, no checkpoint.
    pub(crate) fn steps_at_rates(
        &mut self,
        count: usize,
        rate: impl Fn(usize) -> f64,
        mut on_step: impl FnMut(f64, f64) -> bool,
    ) -> Result<(), TrainError> {
        let plan = Rc::clone(&self.plan);
        let (mut epoch, mut made, mut ended) = (0, 0, count == 0);
        while !ended {
            plan.loader(epoch).for_each(&plan.steps(epoch)?, |step| {
                let rate = rate(made);
                let before = (self.progress.loss_sum, self.progress.weight_sum);
                self.learn(&step, rate)?;
                self.progress.global_step += 1;
                self.losses
                    .read(&mut self.progress, self.fit.communicator)?;
                made += 1;
                let weight = self.progress.weight_sum - before.1;
                if weight > 0.0 {
                    ended = !on_step(rate, (self.progress.loss_sum - before.0) / weight);
                }
                ended |= made >= count;
                Ok(match ended {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
            })?;
            epoch += 1;
        }
        Ok(())
    }

    /// One step and all that may follow it.
    pub(super) fn step(
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
        effort.loader_wait += step.loader_wait;
        effort.learning_rate = learning_rate;
        let (at, steps) = (self.progress.steps_done, self.steps_per_epoch);
        let mut flow = observer.on_step(&StepReport {
            epoch,
            epochs: self.fit.config.epochs,
            step: at,
            steps,
            samples,
            global_step: self.progress.global_step,
            mean_loss: self.progress.loss_sum / self.progress.weight_sum.max(1.0),
            learning_rate,
            grad_norm,
            loader_wait: step.loader_wait,
        });
        let due = |every: Option<usize>| {
            every.is_some_and(|n| self.progress.global_step.is_multiple_of(n))
        };
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
                flow = ControlFlow::Break(());
            }
        }
        if validate || save {
            self.losses
                .read(&mut self.progress, self.fit.communicator)?;
            self.save()?;
        }
        let out_of_time = self
            .fit
            .config
            .max_minutes
            .is_some_and(|m| self.seconds() > 60.0 * m);
        Ok(if self.agreed(flow.is_break())? {
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
            config,
            ..
        } = *self.fit;
        let own: f64 = step.batches.iter().map(|b| b.target.total_weight).sum();
        let weight = sum_over_ranks(own, communicator)?;
        // Nothing to learn from samples of which nothing is labeled.
        if weight == 0.0 {
            return Ok(None);
        }
        let indices = || step.batches.iter().flat_map(|b| b.indices.iter().copied());
        let mut total = Tensor::zeros((), DType::F32, params.device())?;
        let mut gradients: Option<Gradients> = None;
        let single = step.batches.len() == 1;
        for (number, batch) in step.batches.iter().enumerate() {
            params.seed_dropout(&ForwardPass {
                seed: config.seed,
                step: self.progress.global_step,
                batch: number,
                rank: communicator.rank(),
            })?;
            let output = network.forward_t(&batch.x, true)?;
            let sum = codec.loss(&output, &batch.target)?;
            total = if single {
                sum.detach()
            } else {
                (total + sum.detach())?
            };
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
        params.average_statistics_over_ranks(communicator)?;
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

    fn read_loss(
        &mut self,
        samples: Vec<usize>,
        sum: &Tensor,
        weight: f64,
    ) -> Result<(), TrainError> {
        let at = (self.progress.steps_done, samples);
        let (progress, communicator) = (&mut self.progress, self.fit.communicator);
        self.losses
            .push(at, sum.clone(), weight, progress, communicator)
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
