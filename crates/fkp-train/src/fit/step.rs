//! One optimizer step: forward, backward and update.

use super::pending_losses::{SourceSum, StepLoss};
use super::run::Run;
use super::trainer::Trainer;
use crate::data::{Batch, StepBatches};
use crate::parallel::{accumulate, sum_over_ranks};
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
        let mut total = Tensor::zeros((), DType::F32, params.device())?;
        let mut sources = Vec::new();
        let mut earlier: Option<Gradients> = None;
        let mut last = None;
        for (number, batch) in step.batches.iter().enumerate() {
            if let Some(loss) = last.take() {
                earlier = Some(accumulate(earlier, &loss)?);
            }
            params.seed_dropout(&ForwardPass {
                seed: config.seed,
                step: self.progress.global_step,
                batch: number,
                rank: communicator.rank(),
            })?;
            let output = network.forward_t(&batch.x, true)?;
            let sum = codec.loss(&output, &batch.target)?;
            sources.extend(source_sums(&**codec, &output.detach(), batch)?);
            total = match number {
                0 => sum.detach(),
                _ => (total + sum.detach())?,
            };
            last = Some((sum / weight)?);
        }
        // A loss that is not finite is reported before the last gradients are computed.
        let indices = || step.batches.iter().flat_map(|b| b.indices.iter().copied());
        self.push_loss(indices().collect(), &total, weight, sources)?;
        let gradients = match &mut self.reducer {
            None => match &last {
                Some(loss) => accumulate(earlier, loss)?,
                None => GradStore::default().into(),
            },
            Some(reducer) => reducer.backward(*communicator, last.as_ref(), earlier)?,
        };
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
