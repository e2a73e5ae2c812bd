//! Scoring a network on a data set.

use crate::loader::{Loader, OnUnreadable};
use crate::{Codec, SingleProcess, TrainError};
use candle_core::Device;
use candle_nn::ModuleT;
use fkp_core::{Dataset, InputSpec, Metric, NoAugment, Prediction, Sample, Subset};
use fkp_metrics::{Evaluation, EvaluationReport};
use std::ops::ControlFlow;

/// One sample and what the network says of it, both in pixels of the crop.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// Index of the sample in its data set.
    pub index: usize,
    /// The sample with its true keypoints.
    pub sample: &'a Sample,
    /// What the network predicts.
    pub predicted: &'a Prediction,
}

/// Metrics beside the standard ones, made anew for each pass over a data set.
pub type MetricFactory = dyn Fn() -> Vec<Box<dyn Metric>> + Sync;

/// Scores every sample of a data set once, the last partial batch included.
#[derive(Clone, Copy)]
pub struct Evaluator<'a> {
    pub(crate) network: &'a dyn ModuleT,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) input: InputSpec,
    pub(crate) batch_size: usize,
    pub(crate) device: &'a Device,
    pub(crate) metrics: &'a MetricFactory,
}

impl<'a> Evaluator<'a> {
    /// Scores a network on the CPU, 32 samples at a time, with the standard metrics. The network
    /// is run as in prediction: without dropout, with running statistics.
    pub fn new(network: &'a dyn ModuleT, codec: &'a dyn Codec, input: InputSpec) -> Self {
        Self {
            network,
            codec,
            input,
            batch_size: 32,
            device: &Device::Cpu,
            metrics: &Vec::new,
        }
    }

    /// Samples at a time. Does not change the metrics beyond rounding.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Metrics beside the standard ones.
    pub fn metrics(self, metrics: &'a MetricFactory) -> Self {
        Self { metrics, ..self }
    }

    /// The figures of the whole set; `on_sample` sees each image in order.
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
        let evaluation = Evaluation::new(dataset.schema(), self.input.frame());
        let mut evaluation = evaluation.with_metrics((self.metrics)());
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
                evaluation.update(predicted, sample);
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
    ) -> Result<Vec<(Sample, Prediction)>, TrainError> {
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
