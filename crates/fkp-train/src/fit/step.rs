//! One optimizer step: forward, backward and update.

use super::pending_losses::{SourceSum, StepLoss};
use super::run::Run;
use super::trainer::Trainer;
use crate::communicator::sum_over_ranks;
use crate::data::{Batch, StepBatches};
use crate::{Codec, ForwardPass, TrainError};
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};
use fkp_kernels::Gradients;

impl Run<'_> {
    /// Makes an optimizer step. Returns the global norm of the gradients if it was computed.
    pub(super) fn optimizer_step(
        &mut self,
        step: &StepBatches,
        learning_rate: f64,
    ) -> Result<Option<f64>, TrainError> {
        let Trainer {
            communicator,
            network,
            codec,
            params,
            config,
            ..
        } = self.trainer;
        let own: f64 = step.batches.iter().map(|b| b.target.total_weight).sum();
        let weight = sum_over_ranks(own, *communicator)?;
        // Without a label, all gradients are 0.
        if weight == 0.0 {
            return Ok(None);
        }
        let indices = || step.batches.iter().flat_map(|b| b.indices.iter().copied());
        let mut total = Tensor::zeros((), DType::F32, params.device())?;
        let mut sources = Vec::new();
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
            sources.extend(source_sums(&**codec, &output.detach(), batch)?);
            total = if single {
                sum.detach()
            } else {
                (total + sum.detach())?
            };
            if single {
                // A loss that is not finite is reported before the gradients are computed.
                let sources = std::mem::take(&mut sources);
                self.push_loss(indices().collect(), &total, weight, sources)?;
            }
            let more = fkp_kernels::backward(&(sum / weight)?)?;
            gradients = Some(match gradients {
                None => more,
                Some(mut accumulated) => {
                    accumulated.accumulate(more)?;
                    accumulated
                }
            });
        }
        if !single {
            self.push_loss(indices().collect(), &total, weight, sources)?;
        }
        // A rank without a sample still takes part in the sum.
        let mut gradients = gradients.unwrap_or_else(|| GradStore::default().into());
        if communicator.world_size() > 1 {
            gradients = self.sum_over_ranks(&gradients)?;
        }
        let stepped = self.optimizer.step(&gradients, learning_rate)?;
        if let Some(variable) = stepped.not_finite {
            let samples: Vec<usize> = indices().collect();
            return Err(TrainError::GradientNotFinite {
                variable,
                epoch: self.progress.epochs_done + 1,
                step: self.progress.steps_done,
                in_sources: self.trainer.sources.describe(&samples),
                samples,
            });
        }
        params.average_statistics_over_ranks(*communicator)?;
        if let Some(average) = &self.average {
            average.update(params, self.progress.global_step as u64 + 1)?;
        }
        Ok(stepped.norm)
    }

    fn sum_over_ranks(&self, own: &Gradients) -> Result<Gradients, TrainError> {
        let (communicator, vars) = (self.trainer.communicator, self.trainer.params.named());
        let sums = own.map(&vars, |_, var, gradient| {
            let gradient = match gradient {
                Some(gradient) => gradient,
                None => var.zeros_like()?,
            };
            communicator.all_reduce_sum(&gradient).map(Some)
        })?;
        Ok(sums)
    }

    fn push_loss(
        &mut self,
        samples: Vec<usize>,
        sum: &Tensor,
        weight: f64,
        sources: Vec<SourceSum>,
    ) -> Result<(), TrainError> {
        let loss = StepLoss {
            step: self.progress.steps_done,
            samples,
            sum: sum.clone(),
            weight,
            sources,
        };
        let (progress, trainer) = (&mut self.progress, self.trainer);
        self.losses.push(loss, progress, trainer)
    }
}

/// The loss of each source in a batch.
fn source_sums(
    codec: &dyn Codec,
    output: &Tensor,
    batch: &Batch,
) -> Result<Vec<SourceSum>, TrainError> {
    let sums = batch.sources.iter().map(|part| {
        let output = output.index_select(&part.positions, 0)?;
        Ok(SourceSum {
            source: part.source,
            sum: codec.loss(&output, &part.target)?,
            weight: part.target.total_weight,
        })
    });
    sums.collect()
}
