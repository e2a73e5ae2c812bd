//! Loads, augments and encodes batches in the background, ahead of the optimizer step that uses
//! them.

use crate::communicator::share;
use crate::{Codec, Communicator, OnUnreadable, Target, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::{Augment, Dataset, InputSpec, Keypoints, Purpose, Sample, rng_for};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

/// Optimizer steps whose batches are prefetched.
const PREFETCH: usize = 2;

/// A batch of samples as tensors.
pub(crate) struct Batch {
    /// Indices of the samples in their data set.
    pub(crate) indices: Vec<usize>,
    /// The augmented samples.
    pub(crate) samples: Vec<Sample>,
    /// `[n, channels, size, size]`, normalized.
    pub(crate) x: Tensor,
    pub(crate) target: Target,
}

/// The batches of one optimizer step.
pub(crate) struct StepBatches {
    /// Those of this rank. No batch is empty; a batch of which no sample could be read is left out.
    pub(crate) batches: Vec<Batch>,
    /// Samples that were skipped because they could not be read.
    pub(crate) skipped: Vec<SkippedSample>,
    /// Seconds that the step spent waiting for its batches.
    pub(crate) loader_wait: f64,
}

/// A sample that could not be read.
pub(crate) struct SkippedSample {
    /// Index of the sample in its data set.
    pub(crate) index: usize,
    pub(crate) error: TrainError,
}

/// Loads samples by their indices and makes batches of them.
pub(crate) struct Loader<'a> {
    pub(crate) dataset: &'a dyn Dataset,
    /// `training` or `validation`, for messages.
    pub(crate) split: &'static str,
    pub(crate) augment: &'a dyn Augment,
    /// The random numbers of an augmentation depend on seed, epoch and index of the sample alone.
    pub(crate) seed: u64,
    /// The epoch of the samples and of their augmentation, from 0.
    pub(crate) epoch: usize,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) input: InputSpec,
    pub(crate) device: &'a Device,
    pub(crate) batch_size: usize,
    pub(crate) on_unreadable: OnUnreadable,
    pub(crate) communicator: &'a dyn Communicator,
}

impl Loader<'_> {
    /// Calls `consume` with the batches of each step in order, while a thread prepares the next.
    /// `steps` holds the sample indices of each step.
    pub(crate) fn for_each(
        &self,
        steps: &[Vec<usize>],
        mut consume: impl FnMut(StepBatches) -> Result<ControlFlow<()>, TrainError>,
    ) -> Result<(), TrainError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(PREFETCH);
            let producer = scope.spawn(move || {
                for indices in steps {
                    let batches = self.load_step(indices);
                    let failed = batches.is_err();
                    // The receiver is dropped when the consumer stops early.
                    if sender.send(batches).is_err() || failed {
                        break;
                    }
                }
            });
            let mut consume_next = || {
                let requested = Instant::now();
                let Ok(loaded) = receiver.recv() else {
                    return Ok(ControlFlow::Break(()));
                };
                let loader_wait = requested.elapsed().as_secs_f64();
                consume(StepBatches {
                    loader_wait,
                    ..loaded?
                })
            };
            let result = loop {
                match consume_next() {
                    Ok(ControlFlow::Continue(())) => {}
                    ended => break ended.map(|_| ()),
                }
            };
            // Unblocks a producer that waits to send.
            drop(receiver);
            match producer.join() {
                Ok(()) => result,
                Err(panic) => result.and(Err(TrainError::LoaderPanicked {
                    message: panic_message(panic.as_ref()),
                })),
            }
        })
    }

    fn load_step(&self, indices: &[usize]) -> Result<StepBatches, TrainError> {
        let mut step = StepBatches {
            batches: Vec::new(),
            skipped: Vec::new(),
            loader_wait: 0.0,
        };
        for batch in indices.chunks(self.batch_size) {
            let own = share(batch, self.communicator);
            let batch = self.load(&own, &mut step.skipped)?;
            step.batches.extend(batch);
        }
        Ok(step)
    }

    fn load(
        &self,
        indices: &[usize],
        skipped: &mut Vec<SkippedSample>,
    ) -> Result<Option<Batch>, TrainError> {
        let len = self.input.len();
        let mut values = vec![0.0; indices.len() * len];
        let results: Vec<Result<Sample, TrainError>> = values
            .par_chunks_mut(len)
            .zip(indices)
            .map(|(out, &index)| {
                let sample = self.sample(index)?;
                self.input.fill(&sample.image, out);
                Ok(sample)
            })
            // Collected before the errors are handled, so that the first of several is reported.
            .collect();
        let (mut kept, mut samples) = (Vec::new(), Vec::new());
        for (position, (result, &index)) in results.into_iter().zip(indices).enumerate() {
            match result {
                Ok(sample) => {
                    // Moves up if samples before it were skipped.
                    if kept.len() < position {
                        let from = position * len;
                        values.copy_within(from..from + len, kept.len() * len);
                    }
                    kept.push(index);
                    samples.push(sample);
                }
                Err(error) => match self.on_unreadable {
                    OnUnreadable::Skip { .. } => skipped.push(SkippedSample { index, error }),
                    OnUnreadable::Stop => return Err(error),
                },
            }
        }
        if kept.is_empty() {
            return Ok(None);
        }
        values.truncate(kept.len() * len);
        let input = &self.input;
        let shape = (kept.len(), input.channels, input.size, input.size);
        Ok(Some(Batch {
            x: Tensor::from_vec(values, shape, self.device)?,
            target: self.codec.encode(&samples, self.device)?,
            indices: kept,
            samples,
        }))
    }

    fn sample(&self, index: usize) -> Result<Sample, TrainError> {
        let split = self.split;
        let read = self.dataset.get_in_epoch(self.epoch, index);
        let sample = read.map_err(|source| TrainError::Data { split, source })?;
        let id = sample.id.clone();
        let invalid = |problem| TrainError::Sample {
            split,
            index,
            id,
            problem,
        };
        let mut rng = rng_for(self.seed, Purpose::Augment, self.epoch as u64, index as u64);
        let sample = match self.augment.apply(sample, &mut rng) {
            Ok(sample) => sample,
            Err(error) => return Err(invalid(error.source.to_string())),
        };
        let (width, height) = sample.image.size();
        let (side, keypoints) = (self.input.size, self.dataset.schema().len());
        let problem = if (width, height) != (side, side) {
            format!("the image is {width}×{height}, the network takes {side}×{side}")
        } else if sample.keypoints.len() != keypoints {
            let found = sample.keypoints.len();
            format!("there are {found} keypoints, the schema has {keypoints}")
        } else if let Some((i, keypoint)) = not_finite(&sample.keypoints) {
            let name = &self.dataset.schema().keypoints()[i];
            format!("keypoint `{name}` is at ({}, {})", keypoint.x, keypoint.y)
        } else {
            return Ok(sample);
        };
        Err(invalid(problem))
    }
}

fn not_finite(keypoints: &Keypoints) -> Option<(usize, &fkp_core::Keypoint)> {
    let mut labeled = keypoints.labeled();
    labeled.find(|(_, keypoint)| !(keypoint.x.is_finite() && keypoint.y.is_finite()))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
