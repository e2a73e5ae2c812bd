//! Scoring a network on a data set.

use crate::loader::{Loader, OnUnreadable};
use crate::{Codec, SingleProcess, TrainError};
use candle_core::Device;
use candle_nn::ModuleT;
use fkp_core::{Dataset, InputSpec, Keypoints, NoAugment, Sample, Subset};
use fkp_metrics::{Evaluation, EvaluationReport};
use std::ops::ControlFlow;

/// One picture and what the network made of it, both in pixels of the crop.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// Index of the sample in its data set.
    pub index: usize,
    /// The sample with its true keypoints.
    pub sample: &'a Sample,
    /// The predicted keypoints.
    pub predicted: &'a Keypoints,
}

/// Scores every sample of a data set once, the last partial batch included.
#[derive(Clone, Copy)]
pub struct Evaluator<'a> {
    /// The network, run without dropout.
    pub network: &'a dyn ModuleT,
    /// What its output means.
    pub codec: &'a dyn Codec,
    /// How pictures are fed.
    pub input: InputSpec,
    /// Pictures at a time. Does not change the figures beyond rounding.
    pub batch_size: usize,
    /// Where the network is.
    pub device: &'a Device,
}

impl Evaluator<'_> {
    /// The figures of the whole set; `on_sample` sees each picture in order.
    ///
    /// # Errors
    /// If the set is empty or a sample cannot be read or fed.
    pub fn run(
        &self,
        dataset: &dyn Dataset,
        mut on_sample: impl FnMut(Scored<'_>),
    ) -> Result<EvaluationReport, TrainError> {
        let split = "validation";
        if dataset.is_empty() {
            return Err(TrainError::EmptySet { split });
        }
        let loader = Loader {
            dataset,
            split,
            augment: &NoAugment,
            seed: 0,
            epoch: 0,
            codec: self.codec,
            input: self.input,
            device: self.device,
            batch_size: self.batch_size.max(1),
            unreadable: OnUnreadable::Stop,
            communicator: &SingleProcess,
        };
        let order: Vec<usize> = (0..dataset.len()).collect();
        let batches: Vec<_> = order
            .chunks(self.batch_size.max(1))
            .map(<[_]>::to_vec)
            .collect();
        let mut evaluation = Evaluation::new(dataset.schema(), self.input.frame());
        let (mut loss, mut weight) = (0.0, 0.0);
        loader.for_each(&batches, |step| {
            let Some(batch) = step.batches.first() else {
                return Ok(ControlFlow::Continue(()));
            };
            let output = self.network.forward_t(&batch.x, false)?;
            let sum = self.codec.loss(&output, &batch.target)?;
            loss += f64::from(sum.to_scalar::<f32>()?);
            weight += batch.target.total_weight;
            let predictions = self.codec.decode(&output)?;
            for ((index, sample), predicted) in
                batch.indices.iter().zip(&batch.samples).zip(&predictions)
            {
                evaluation.update(predicted, &sample.keypoints);
                on_sample(Scored {
                    index: *index,
                    sample,
                    predicted,
                });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mut report = evaluation.report();
        report.loss = (weight > 0.0).then_some(loss / weight);
        Ok(report)
    }

    /// What the network makes of some samples, in the order of `indices`: each sample with its
    /// true keypoints, and the predicted ones, both in pixels of the crop.
    ///
    /// # Errors
    /// If there are none, an index is out of range, or a sample cannot be read or fed.
    pub fn predict(
        &self,
        dataset: &dyn Dataset,
        indices: &[usize],
    ) -> Result<Vec<(Sample, Keypoints)>, TrainError> {
        let split = "validation";
        let some = Subset::new(dataset, indices.to_vec());
        let some = some.map_err(|source| TrainError::Data { split, source })?;
        let mut predicted = Vec::with_capacity(indices.len());
        self.run(&some, |scored| {
            predicted.push((scored.sample.clone(), scored.predicted.clone()));
        })?;
        Ok(predicted)
    }
}
