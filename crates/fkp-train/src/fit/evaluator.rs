//! Evaluation of a network on a data set.

use crate::data::{BusyTime, Loader, SampleUse, Sources};
use crate::{Codec, Communicator, OnUnreadable, SingleProcess, Target, TrainError};
use candle_core::{Device, Result as CandleResult, Tensor};
use candle_nn::ModuleT;
use fkp_core::{
    Dataset, InputSpec, Keypoints, LabelOffsets, Metric, NoAugment, Prediction, Sample, SchemaMap,
    Subset,
};
use fkp_metrics::{Evaluation, EvaluationReport};
use std::ops::ControlFlow;

/// A sample and the network's prediction for it, both in pixels of the crop.
#[derive(Debug, Clone, Copy)]
pub struct ScoredSample<'a> {
    /// Index of the sample in its data set.
    pub index: usize,
    /// The sample with its true keypoints.
    pub sample: &'a Sample,
    /// The prediction.
    pub predicted: &'a Prediction,
}

/// Creates metrics in addition to the standard ones, new ones for each pass over a data set.
pub type MetricFactory = dyn Fn() -> Vec<Box<dyn Metric>> + Sync;

/// Evaluates a network on every sample of a data set, including the last partial batch.
#[derive(Clone, Copy)]
pub struct Evaluator<'a> {
    pub(super) network: &'a dyn ModuleT,
    pub(super) codec: &'a dyn Codec,
    pub(super) input: InputSpec,
    pub(super) batch_size: usize,
    pub(super) device: &'a Device,
    pub(super) metrics: &'a MetricFactory,
    pub(super) offsets: Option<&'a LabelOffsets>,
    pub(super) map: Option<&'a SchemaMap>,
    pub(super) communicator: &'a dyn Communicator,
}

impl<'a> Evaluator<'a> {
    /// Evaluates a network on the CPU with a batch size of 32 and the standard metrics. The network
    /// is in evaluation mode: no dropout, and batch normalization with running statistics.
    pub fn new(network: &'a dyn ModuleT, codec: &'a dyn Codec, input: InputSpec) -> Self {
        Self {
            network,
            codec,
            input,
            batch_size: 32,
            device: &Device::Cpu,
            metrics: &Vec::new,
            offsets: None,
            map: None,
            communicator: &SingleProcess,
        }
    }

    /// Samples per batch. Changes the metrics by rounding errors only.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Metrics in addition to the standard ones.
    pub fn metrics(self, metrics: &'a MetricFactory) -> Self {
        Self { metrics, ..self }
    }

    /// Adds the offsets of a [`fkp_core::LabelConvention`] to the predicted keypoints, which
    /// changes all metrics but the loss.
    pub fn offsets(self, offsets: &'a LabelOffsets) -> Self {
        Self {
            offsets: Some(offsets),
            ..self
        }
    }

    /// Evaluates on data of another schema, which follows from that of the network: the predictions
    /// are mapped to it. There is no loss then.
    pub fn onto(self, map: &'a SchemaMap) -> Self {
        Self {
            map: Some(map),
            ..self
        }
    }

    /// Shares the work of the network among the ranks of a data-parallel run, which all call
    /// [`run`](Self::run) with the same data set, and have the same result.
    pub fn communicator(self, communicator: &'a dyn Communicator) -> Self {
        Self {
            communicator,
            ..self
        }
    }

    /// Computes the metrics of the whole data set, of its faces only. `on_sample` is called for each
    /// sample in order.
    ///
    /// # Errors
    /// If the data set is empty, or a sample cannot be read or does not match the network's input.
    pub fn run(
        &self,
        dataset: &dyn Dataset,
        mut on_sample: impl FnMut(ScoredSample<'_>),
    ) -> Result<EvaluationReport, TrainError> {
        let split = "validation";
        if dataset.is_empty() {
            return Err(TrainError::EmptyDataset { split });
        }
        let unlabeled;
        let codec = match self.map {
            None => self.codec,
            Some(map) => {
                unlabeled = Unlabeled {
                    codec: self.codec,
                    keypoints: map.source_len(),
                };
                &unlabeled
            }
        };
        let loader = Loader {
            dataset,
            split,
            augment: &NoAugment,
            seed: 0,
            epoch: 0,
            codec,
            input: self.input,
            device: self.device,
            batch_size: self.batch_size.max(1),
            on_unreadable: OnUnreadable::Stop,
            communicator: &SingleProcess,
            sources: &Sources(Vec::new()),
            busy: BusyTime::default(),
        };
        let order: Vec<usize> = (0..dataset.len()).collect();
        let batches: Vec<_> = SampleUse::of(&order)
            .chunks(self.batch_size.max(1))
            .map(<[_]>::to_vec)
            .collect();
        let evaluation = Evaluation::new(dataset.schema(), self.input.frame());
        let mut evaluation = evaluation.with_metrics((self.metrics)());
        let (mut loss, mut weight) = (0.0, 0.0);
        loader.for_each(&batches, |loaded| {
            let Some(batch) = loaded.batches.first() else {
                return Ok(ControlFlow::Continue(()));
            };
            let output = self.output(&batch.x)?;
            if self.map.is_none() {
                let sum = self.codec.loss(&output, &batch.target)?;
                loss += f64::from(sum.to_scalar::<f32>()?);
                weight += batch.target.total_weight;
            }
            let mut predictions = self.codec.decode(&output)?;
            if let Some(map) = self.map {
                predictions = predictions.iter().map(|found| found.onto(map)).collect();
            }
            for predicted in &mut predictions {
                if let Some(offsets) = self.offsets {
                    offsets.add_to(&mut predicted.keypoints, self.input.frame());
                }
            }
            for ((index, sample), predicted) in
                batch.indices.iter().zip(&batch.samples).zip(&predictions)
            {
                if sample.is_face {
                    evaluation.update(predicted, sample);
                }
                on_sample(ScoredSample {
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

    /// The output of the network for a batch, of which each rank computes a part.
    fn output(&self, x: &Tensor) -> CandleResult<Tensor> {
        let (rank, world_size) = (self.communicator.rank(), self.communicator.world_size());
        if world_size == 1 {
            return self.network.forward_t(x, false);
        }
        let count = x.dim(0)?;
        let [start, end] = [rank, rank + 1].map(|rank| count * rank / world_size);
        let own = match end - start {
            // For the shape of a row.
            0 => {
                let first = self.network.forward_t(&x.narrow(0, 0, 1)?, false)?;
                first.narrow(0, 0, 0)?
            }
            own => self.network.forward_t(&x.narrow(0, start, own)?, false)?,
        };
        let parts = self.communicator.all_gather(&own)?;
        let parts: Vec<&Tensor> = parts.iter().filter(|part| part.elem_count() > 0).collect();
        Tensor::cat(&parts, 0)
    }

    /// Predicts some samples, in the order of `indices`: each sample with its true keypoints, and
    /// the prediction, both in pixels of the crop.
    ///
    /// # Errors
    /// If `indices` is empty or out of range, or a sample cannot be read or does not match the
    /// network's input.
    pub fn predict(
        &self,
        dataset: &dyn Dataset,
        indices: &[usize],
    ) -> Result<Vec<(Sample, Prediction)>, TrainError> {
        let split = "validation";
        let subset = Subset::new(dataset, indices.to_vec());
        let subset = subset.map_err(|source| TrainError::Data { split, source })?;
        let mut predicted = Vec::with_capacity(indices.len());
        self.run(&subset, |scored| {
            predicted.push((scored.sample.clone(), scored.predicted.clone()));
        })?;
        Ok(predicted)
    }
}

/// A codec for samples of another schema than the network's: it encodes none of their labels, which
/// it does not know. There is no loss of them.
struct Unlabeled<'a> {
    codec: &'a dyn Codec,
    keypoints: usize,
}

impl Codec for Unlabeled<'_> {
    fn encode(&self, samples: &[Sample], device: &Device) -> CandleResult<Target> {
        let unlabeled = samples.iter().map(|sample| Sample {
            keypoints: Keypoints::unlabeled(self.keypoints),
            ..sample.clone()
        });
        self.codec.encode(&unlabeled.collect::<Vec<_>>(), device)
    }

    fn loss(&self, output: &Tensor, target: &Target) -> CandleResult<Tensor> {
        self.codec.loss(output, target)
    }

    fn decode(&self, output: &Tensor) -> CandleResult<Vec<Prediction>> {
        self.codec.decode(output)
    }

    fn describe(&self) -> String {
        self.codec.describe()
    }
}
