//! Loads, augments and encodes batches in the background, ahead of the optimizer step that uses
//! them.

use super::source::Sources;
use crate::parallel::share;
use crate::{Codec, Communicator, OnUnreadable, Target, TrainError};
use candle_core::{Device, Tensor};
use fkp_core::{Augment, Dataset, InputSpec, Keypoints, Purpose, Sample, rng_for};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// The target of each source in the batch, if the data set has several.
    pub(crate) sources: Vec<SourceTarget>,
}

/// The samples of a batch that are from one source.
pub(crate) struct SourceTarget {
    /// Number of the source.
    pub(crate) source: usize,
    /// Positions of its samples in the batch, `u32 [n]`.
    pub(crate) positions: Tensor,
    pub(crate) target: Target,
}

/// A sample of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleUse {
    /// Index of the sample in its data set.
    pub(crate) index: usize,
    /// How often the epoch uses the sample before this.
    pub(crate) repeat: usize,
}

impl SampleUse {
    /// The uses of an epoch's samples in this order.
    pub(crate) fn of(order: &[usize]) -> Vec<Self> {
        let mut counts = BTreeMap::new();
        let uses = order.iter().map(|&index| {
            let count: &mut usize = counts.entry(index).or_default();
            *count += 1;
            Self {
                index,
                repeat: *count - 1,
            }
        });
        uses.collect()
    }
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
    /// The random numbers of an augmentation depend on seed, epoch, index of the sample, and how
    /// often the epoch used it before.
    pub(crate) seed: u64,
    /// The epoch of the samples and of their augmentation, from 0.
    pub(crate) epoch: usize,
    pub(crate) codec: &'a dyn Codec,
    pub(crate) input: InputSpec,
    pub(crate) device: &'a Device,
    pub(crate) batch_size: usize,
    pub(crate) on_unreadable: OnUnreadable,
    pub(crate) communicator: &'a dyn Communicator,
    pub(crate) sources: &'a Sources,
    /// What all threads together spent on samples so far.
    pub(crate) busy: BusyTime,
}

/// The time that several threads spent on something, added up.
#[derive(Default)]
pub(crate) struct BusyTime(AtomicU64);

impl BusyTime {
    fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        let nanoseconds = started.elapsed().as_nanos() as u64;
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 * 1e-9
    }
}

impl Loader<'_> {
    /// Calls `consume` with the batches of each step in order, while a thread prepares the next.
    /// `steps` holds the samples of each step.
    pub(crate) fn for_each(
        &self,
        steps: &[Vec<SampleUse>],
        mut consume: impl FnMut(StepBatches) -> Result<ControlFlow<()>, TrainError>,
    ) -> Result<(), TrainError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(PREFETCH);
            let producer = scope.spawn(move || {
                for samples in steps {
                    let batches = self.load_step(samples);
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

    fn load_step(&self, samples: &[SampleUse]) -> Result<StepBatches, TrainError> {
        let mut step = StepBatches {
            batches: Vec::new(),
            skipped: Vec::new(),
            loader_wait: 0.0,
        };
        for batch in samples.chunks(self.batch_size) {
            let own = share(batch, self.communicator);
            let batch = self.load(&own, &mut step.skipped)?;
            step.batches.extend(batch);
        }
        Ok(step)
    }

    fn load(
        &self,
        uses: &[SampleUse],
        skipped: &mut Vec<SkippedSample>,
    ) -> Result<Option<Batch>, TrainError> {
        let len = self.input.len();
        let mut values = vec![0.0; uses.len() * len];
        let results: Vec<Result<Sample, TrainError>> = values
            .par_chunks_mut(len)
            .zip(uses)
            .map(|(out, used)| {
                let sample = self.busy.measure(|| self.sample(used))?;
                self.input.fill(&sample.image, out);
                Ok(sample)
            })
            // Collected before the errors are handled, so that the first of several is reported.
            .collect();
        let (mut kept, mut samples) = (Vec::new(), Vec::new());
        for (position, (result, used)) in results.into_iter().zip(uses).enumerate() {
            let index = used.index;
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
            sources: self.by_source(&kept, &samples)?,
            indices: kept,
            samples,
        }))
    }

    fn by_source(
        &self,
        indices: &[usize],
        samples: &[Sample],
    ) -> Result<Vec<SourceTarget>, TrainError> {
        let groups = self.sources.group(indices).into_iter();
        let targets = groups.map(|(source, positions)| {
            let own: Vec<Sample> = positions.iter().map(|&p| samples[p].clone()).collect();
            let positions: Vec<u32> = positions.iter().map(|&p| p as u32).collect();
            Ok(SourceTarget {
                source,
                positions: Tensor::new(positions, self.device)?,
                target: self.codec.encode(&own, self.device)?,
            })
        });
        targets.collect()
    }

    fn sample(&self, used: &SampleUse) -> Result<Sample, TrainError> {
        let (split, index) = (self.split, used.index);
        let read = self.dataset.get_in_epoch(self.epoch, index);
        let sample = read.map_err(|source| TrainError::Data { split, source })?;
        let id = sample.id.clone();
        let invalid = |problem| TrainError::Sample {
            split,
            index,
            id,
            problem,
        };
        // The first use in an epoch has the numbers of (seed, epoch, index).
        let use_in_run = self.epoch as u64 | (used.repeat as u64) << 32;
        let mut rng = rng_for(self.seed, Purpose::Augment, use_in_run, index as u64);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uses_of_a_sample_in_an_epoch_are_counted() {
        let uses = SampleUse::of(&[5, 2, 5, 5, 2]);
        let repeats: Vec<usize> = uses.iter().map(|used| used.repeat).collect();
        assert_eq!(repeats, [0, 0, 1, 2, 1]);
        assert!(uses.iter().map(|used| used.index).eq([5, 2, 5, 5, 2]));
    }
}
