//! Batches, prepared ahead of the step that uses them.

use crate::communicator::share;
use crate::{Codec, Communicator, Target, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::{Augment, Dataset, InputSpec, Keypoints, Purpose, Sample, rng_for};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

/// How many steps' batches wait ready while one is used.
const AHEAD: usize = 2;

/// Some samples as tensors.
pub(crate) struct Batch {
    /// Indices of the samples in their set.
    pub(crate) indices: Vec<usize>,
    /// The samples as they were fed, augmented.
    pub(crate) samples: Vec<Sample>,
    /// `[n, channels, size, size]`, normalized.
    pub(crate) x: Tensor,
    pub(crate) target: Target,
}

/// What one step uses.
pub(crate) struct StepBatches {
    /// Those of this rank. None is empty; there is none at all where no sample could be read.
    pub(crate) batches: Vec<Batch>,
    /// Samples that could not be read, where that is allowed.
    pub(crate) skipped: Vec<(usize, TrainError)>,
    /// Seconds that the step loader_wait for them.
    pub(crate) loader_wait: f64,
}

/// What happens to a sample that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnUnreadable {
    Stop,
    Skip,
}

/// Turns indices into batches.
pub(crate) struct Loader<'a> {
    pub(crate) dataset: &'a dyn Dataset,
    /// `training` or `validation`, for messages.
    pub(crate) split: &'static str,
    pub(crate) augment: &'a dyn Augment,
    /// Seed and epoch of the augmentation. Nothing else enters its random numbers but the index.
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) input: InputSpec,
    pub(crate) device: &'a Device,
    pub(crate) batch_size: usize,
    pub(crate) unreadable: OnUnreadable,
    pub(crate) communicator: &'a dyn Communicator,
}

impl Loader<'_> {
    /// Calls `consume` with the batches of each step in order, while a thread prepares the next.
    pub(crate) fn for_each(
        &self,
        steps: &[Vec<usize>],
        mut consume: impl FnMut(StepBatches) -> Result<ControlFlow<()>, TrainError>,
    ) -> Result<(), TrainError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            let producer = scope.spawn(move || {
                for indices in steps {
                    let batches = self.load_step(indices);
                    let failed = batches.is_err();
                    // The receiver is gone when the consumer stopped early.
                    if sender.send(batches).is_err() || failed {
                        break;
                    }
                }
            });
            let mut result = Ok(());
            loop {
                let asked = Instant::now();
                let Ok(loaded) = receiver.recv() else { break };
                let loader_wait = asked.elapsed().as_secs_f64();
                match loaded.and_then(|step| {
                    consume(StepBatches {
                        loader_wait,
                        ..step
                    })
                }) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(error) => {
                        result = Err(error);
                        break;
                    }
                }
            }
            // A producer that waits to send learns here that nobody listens.
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
        skipped: &mut Vec<(usize, TrainError)>,
    ) -> Result<Option<Batch>, TrainError> {
        let each = self.input.len();
        let mut values = vec![0.0; indices.len() * each];
        let read: Vec<Result<Sample, TrainError>> = values
            .par_chunks_mut(each)
            .zip(indices)
            .map(|(out, &index)| {
                let sample = self.sample(index)?;
                self.input.fill(&sample.image, out);
                Ok(sample)
            })
            // Collected before the errors are looked at, so that of several the first is told.
            .collect();
        let (mut kept, mut samples) = (Vec::new(), Vec::new());
        for (at, (read, &index)) in read.into_iter().zip(indices).enumerate() {
            match read {
                Ok(sample) => {
                    // Moves up into the places of those that were skipped.
                    if kept.len() < at {
                        values.copy_within(at * each..(at + 1) * each, kept.len() * each);
                    }
                    kept.push(index);
                    samples.push(sample);
                }
                Err(error) if self.unreadable == OnUnreadable::Skip => {
                    skipped.push((index, error));
                }
                Err(error) => return Err(error),
            }
        }
        if kept.is_empty() {
            return Ok(None);
        }
        values.truncate(kept.len() * each);
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
        let read = self.dataset.get(index);
        let sample = read.map_err(|source| TrainError::Data { split, source })?;
        let id = sample.id.clone();
        let misfit = |problem| TrainError::Sample {
            split,
            index,
            id,
            problem,
        };
        let mut rng = rng_for(self.seed, Purpose::Augment, self.epoch as u64, index as u64);
        let sample = match self.augment.apply(sample, &mut rng) {
            Ok(sample) => sample,
            Err(error) => return Err(misfit(error.source.to_string())),
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
        Err(misfit(problem))
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
